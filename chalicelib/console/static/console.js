/* Made by `make console` with esbuild 0.28.2 of sources 4447b2e433baeb9bcc64cfd3b5be06b90a3d1743bb0f91f1d780d0fd721c92da. With preact (preact.LICENSE) and htm (htm.LICENSE). */
var Ke,R,Qt,Wr,ge,Vt,Xt,Yt,mt,He,Ne,en,bt,ft,ht,zr,ze={},Ge=[],Gr=/acit|ex(?:s|g|n|p|$)|rph|grid|ows|mnc|ntw|ine[ch]|zoo|^ord|itera/i,Je=Array.isArray;function fe(e,t){for(var n in t)e[n]=t[n];return e}function _t(e){e&&e.parentNode&&e.parentNode.removeChild(e)}function gt(e,t,n){var r,o,s,i={};for(s in t)s=="key"?r=t[s]:s=="ref"?o=t[s]:i[s]=t[s];if(arguments.length>2&&(i.children=arguments.length>3?Ke.call(arguments,2):n),typeof e=="function"&&e.defaultProps!=null)for(s in e.defaultProps)i[s]===void 0&&(i[s]=e.defaultProps[s]);return qe(e,i,r,o,null)}function qe(e,t,n,r,o){var s={type:e,props:t,key:n,ref:r,__k:null,__:null,__b:0,__e:null,__c:null,constructor:void 0,__v:o??++Qt,__i:-1,__u:0};return o==null&&R.vnode!=null&&R.vnode(s),s}function Ae(e){return e.children}function We(e,t){this.props=e,this.context=t}function we(e,t){if(t==null)return e.__?we(e.__,e.__i+1):null;for(var n;t<e.__k.length;t++)if((n=e.__k[t])!=null&&n.__e!=null)return n.__e;return typeof e.type=="function"?we(e):null}function Vr(e){if(e.__P&&e.__d){var t=e.__v,n=t.__e,r=[],o=[],s=fe({},t);s.__v=t.__v+1,R.vnode&&R.vnode(s),yt(e.__P,s,t,e.__n,e.__P.namespaceURI,32&t.__u?[n]:null,r,n??we(t),!!(32&t.__u),o),s.__v=t.__v,s.__.__k[s.__i]=s,sn(r,s,o),t.__e=t.__=null,s.__e!=n&&tn(s)}}function tn(e){if((e=e.__)!=null&&e.__c!=null)return e.__e=e.__c.base=null,e.__k.some(function(t){if(t!=null&&t.__e!=null)return e.__e=e.__c.base=t.__e}),tn(e)}function Kt(e){(!e.__d&&(e.__d=!0)&&ge.push(e)&&!Ve.__r++||Vt!=R.debounceRendering)&&((Vt=R.debounceRendering)||Xt)(Ve)}function Ve(){try{for(var e,t=1;ge.length;)ge.length>t&&ge.sort(Yt),e=ge.shift(),t=ge.length,Vr(e)}finally{ge.length=Ve.__r=0}}function nn(e,t,n,r,o,s,i,c,d,u,m){var f,$,p,h,v,x,y=r&&r.__k||Ge,b=t.length;for(d=Kr(n,t,y,d,b),f=0;f<b;f++)(p=n.__k[f])!=null&&($=p.__i!=-1&&y[p.__i]||ze,p.__i=f,x=yt(e,p,$,o,s,i,c,d,u,m),h=p.__e,p.ref&&$.ref!=p.ref&&($.ref&&vt($.ref,null,p),m.push(p.ref,p.__c||h,p)),v==null&&h!=null&&(v=h),4&p.__u?(d=rn(p,d,e),$.__e&&($.__e=null)):typeof p.type=="function"&&x!==void 0?d=x:h&&(d=h.nextSibling),p.__u&=-7);return n.__e=v,d}function Kr(e,t,n,r,o){var s,i,c,d,u,m=n.length,f=m,$=0;for(e.__k=new Array(o),s=0;s<o;s++)(i=t[s])!=null&&typeof i!="boolean"&&typeof i!="function"?(typeof i=="string"||typeof i=="number"||typeof i=="bigint"||i.constructor==String?i=e.__k[s]=qe(null,i,null,null,null):Je(i)?i=e.__k[s]=qe(Ae,{children:i},null,null,null):i.constructor===void 0&&i.__b>0?i=e.__k[s]=qe(i.type,i.props,i.key,i.ref?i.ref:null,i.__v):e.__k[s]=i,d=s+$,i.__=e,i.__b=e.__b+1,c=null,(u=i.__i=Jr(i,n,d,f))!=-1&&(f--,(c=n[u])&&(c.__u|=2)),c==null||c.__v==null?(u==-1&&(o>m?$--:o<m&&$++),typeof i.type!="function"&&(i.__u|=4)):u!=d&&(u==d-1?$--:u==d+1?$++:(u>d?$--:$++,i.__u|=4))):e.__k[s]=null;if(f)for(s=0;s<m;s++)(c=n[s])!=null&&(2&c.__u)==0&&(c.__e==r&&(r=we(c)),ln(c,c));return r}function rn(e,t,n){var r,o;if(typeof e.type=="function"){for(r=e.__k,o=0;r&&o<r.length;o++)r[o]&&(r[o].__=e,t=rn(r[o],t,n));return t}e.__e!=t&&(t&&e.type&&!t.parentNode&&(t=we(e)),t=n.insertBefore(e.__e,t||null));do t=t&&t.nextSibling;while(t!=null&&t.nodeType==8);return t}function Jr(e,t,n,r){var o,s,i,c=e.key,d=e.type,u=t[n],m=u!=null&&(2&u.__u)==0;if(u===null&&c==null||m&&c==u.key&&d==u.type)return n;if(r>(m?1:0)){for(o=n-1,s=n+1;o>=0||s<t.length;)if((u=t[i=o>=0?o--:s++])!=null&&(2&u.__u)==0&&c==u.key&&d==u.type)return i}return-1}function Jt(e,t,n){t[0]=="-"?e.setProperty(t,n??""):e[t]=n==null?"":typeof n!="number"||Gr.test(t)?n:n+"px"}function Fe(e,t,n,r,o){var s,i;e:if(t=="style")if(typeof n=="string")e.style.cssText=n;else{if(typeof r=="string"&&(e.style.cssText=r=""),r)for(t in r)n&&t in n||Jt(e.style,t,"");if(n)for(t in n)r&&n[t]==r[t]||Jt(e.style,t,n[t])}else if(t[0]=="o"&&t[1]=="n")s=t!=(t=t.replace(en,"$1")),i=t.toLowerCase(),t=i in e||t=="onFocusOut"||t=="onFocusIn"?i.slice(2):t.slice(2),e.l||(e.l={}),e.l[t+s]=n,n?r?n[Ne]=r[Ne]:(n[Ne]=bt,e.addEventListener(t,s?ht:ft,s)):e.removeEventListener(t,s?ht:ft,s);else{if(o=="http://www.w3.org/2000/svg")t=t.replace(/xlink(H|:h)/,"h").replace(/sName$/,"s");else if(t!="width"&&t!="height"&&t!="href"&&t!="list"&&t!="form"&&t!="tabIndex"&&t!="download"&&t!="rowSpan"&&t!="colSpan"&&t!="role"&&t!="popover"&&t in e)try{e[t]=n??"";break e}catch{}typeof n=="function"||(n==null||n===!1&&t[4]!="-"?e.removeAttribute(t):e.setAttribute(t,t=="popover"&&n==1?"":n))}}function Zt(e){return function(t){if(this.l){var n=this.l[t.type+e];if(t[He]==null)t[He]=bt++;else if(t[He]<n[Ne])return;return n(R.event?R.event(t):t)}}}function yt(e,t,n,r,o,s,i,c,d,u){var m,f,$,p,h,v,x,y,b,W,z,_,C,P,me,ae,ne=t.type;if(t.constructor!==void 0)return null;128&n.__u&&(d=!!(32&n.__u),s=[c=t.__e=n.__e]),(m=R.__b)&&m(t);e:if(typeof ne=="function"){f=i.length;try{if(b=t.props,W=ne.prototype&&ne.prototype.render,z=(m=ne.contextType)&&r[m.__c],_=m?z?z.props.value:m.__:r,n.__c?y=($=t.__c=n.__c).__=$.__E:(W?t.__c=$=new ne(b,_):(t.__c=$=new We(b,_),$.constructor=ne,$.render=Qr),z&&z.sub($),$.state||($.state={}),$.__n=r,p=$.__d=!0,$.__h=[],$._sb=[]),W&&$.__s==null&&($.__s=$.state),W&&ne.getDerivedStateFromProps!=null&&($.__s==$.state&&($.__s=fe({},$.__s)),fe($.__s,ne.getDerivedStateFromProps(b,$.__s))),h=$.props,v=$.state,$.__v=t,p)W&&ne.getDerivedStateFromProps==null&&$.componentWillMount!=null&&$.componentWillMount(),W&&$.componentDidMount!=null&&$.__h.push($.componentDidMount);else{if(W&&ne.getDerivedStateFromProps==null&&b!==h&&$.componentWillReceiveProps!=null&&$.componentWillReceiveProps(b,_),t.__v==n.__v||!$.__e&&$.shouldComponentUpdate!=null&&$.shouldComponentUpdate(b,$.__s,_)===!1){t.__v!=n.__v&&($.props=b,$.state=$.__s,$.__d=!1),t.__e=n.__e,t.__k=n.__k,t.__k.some(function(Te){Te&&(Te.__=t)}),Ge.push.apply($.__h,$._sb),$._sb=[],$.__h.length&&i.push($),c=we(n);break e}$.componentWillUpdate!=null&&$.componentWillUpdate(b,$.__s,_),W&&$.componentDidUpdate!=null&&$.__h.push(function(){$.componentDidUpdate(h,v,x)})}if($.context=_,$.props=b,$.__P=e,$.__e=!1,C=R.__r,P=0,W)$.state=$.__s,$.__d=!1,C&&C(t),m=$.render($.props,$.state,$.context),Ge.push.apply($.__h,$._sb),$._sb=[];else do $.__d=!1,C&&C(t),m=$.render($.props,$.state,$.context),$.state=$.__s;while($.__d&&++P<25);$.state=$.__s,$.getChildContext!=null&&(r=fe(fe({},r),$.getChildContext())),W&&!p&&$.getSnapshotBeforeUpdate!=null&&(x=$.getSnapshotBeforeUpdate(h,v)),me=m!=null&&m.type===Ae&&m.key==null?an(m.props.children):m,c=nn(e,Je(me)?me:[me],t,n,r,o,s,i,c,d,u),$.base=t.__e,t.__u&=-161,$.__h.length&&i.push($),y&&($.__E=$.__=null)}catch(Te){if(i.length=f,t.__v=null,d||s!=null){if(Te.then){for(t.__u|=d?160:128;c&&c.nodeType==8&&c.nextSibling;)c=c.nextSibling;s!=null&&(s[s.indexOf(c)]=null),t.__e=c}else if(s!=null)for(ae=s.length;ae--;)_t(s[ae])}else t.__e=n.__e;t.__k==null&&(t.__k=n.__k||[]),Te.then||on(t),R.__e(Te,t,n)}}else s==null&&t.__v==n.__v?(t.__k=n.__k,t.__e=n.__e):c=t.__e=Zr(n.__e,t,n,r,o,s,i,d,u);return(m=R.diffed)&&m(t),128&t.__u?void 0:c}function on(e){e&&(e.__c&&(e.__c.__e=!0),e.__k&&e.__k.some(on))}function sn(e,t,n){for(var r=0;r<n.length;r++)vt(n[r],n[++r],n[++r]);R.__c&&R.__c(t,e),e.some(function(o){try{e=o.__h,o.__h=[],e.some(function(s){s.call(o)})}catch(s){R.__e(s,o.__v)}})}function an(e){return typeof e!="object"||e==null||e.__b>0?e:Je(e)?e.map(an):e.constructor!==void 0?null:fe({},e)}function Zr(e,t,n,r,o,s,i,c,d){var u,m,f,$,p,h,v,x=n.props||ze,y=t.props,b=t.type;if(b=="svg"?o="http://www.w3.org/2000/svg":b=="math"?o="http://www.w3.org/1998/Math/MathML":o||(o="http://www.w3.org/1999/xhtml"),s!=null){for(u=0;u<s.length;u++)if((p=s[u])&&"setAttribute"in p==!!b&&(b?p.localName==b:p.nodeType==3)){e=p,s[u]=null;break}}if(e==null){if(b==null)return document.createTextNode(y);e=document.createElementNS(o,b,y.is&&y),c&&(R.__m&&R.__m(t,s),c=!1),s=null}if(b==null)x===y||c&&e.data==y||(e.data=y);else{if(s=b=="textarea"&&y.defaultValue!=null?null:s&&Ke.call(e.childNodes),!c&&s!=null)for(x={},u=0;u<e.attributes.length;u++)x[(p=e.attributes[u]).name]=p.value;for(u in x)p=x[u],u=="dangerouslySetInnerHTML"?f=p:u=="children"||u in y||u=="value"&&"defaultValue"in y||u=="checked"&&"defaultChecked"in y||Fe(e,u,null,p,o);for(u in y)p=y[u],u=="children"?$=p:u=="dangerouslySetInnerHTML"?m=p:u=="value"?h=p:u=="checked"?v=p:c&&typeof p!="function"||x[u]===p||Fe(e,u,p,x[u],o);if(m)c||f&&(m.__html==f.__html||m.__html==e.innerHTML)||(e.innerHTML=m.__html),t.__k=[];else if(f&&(e.innerHTML=""),nn(t.type=="template"?e.content:e,Je($)?$:[$],t,n,r,b=="foreignObject"?"http://www.w3.org/1999/xhtml":o,s,i,s?s[0]:n.__k&&we(n,0),c,d),s!=null)for(u=s.length;u--;)_t(s[u]);c&&b!="textarea"||(u="value",b=="progress"&&h==null?e.removeAttribute("value"):h!=null&&(h!==e[u]||b=="progress"&&!h||b=="option"&&h!=x[u])&&Fe(e,u,h,x[u],o),u="checked",v!=null&&v!=e[u]&&Fe(e,u,v,x[u],o))}return e}function vt(e,t,n){try{if(typeof e=="function"){var r=typeof e.__u=="function";r&&e.__u(),r&&t==null||(e.__u=e(t))}else e.current=t}catch(o){R.__e(o,n)}}function ln(e,t,n){var r,o;if(R.unmount&&R.unmount(e),(r=e.ref)&&(r.current&&r.current!=e.__e||vt(r,null,t)),(r=e.__c)!=null){if(r.componentWillUnmount)try{r.componentWillUnmount()}catch(s){R.__e(s,t)}r.base=r.__P=r.__n=null}if(r=e.__k)for(o=0;o<r.length;o++)r[o]&&ln(r[o],t,n||typeof e.type!="function");n||_t(e.__e),e.__c=e.__=e.__e=void 0}function Qr(e,t,n){return this.constructor(e,n)}function kt(e,t,n){var r,o,s,i;t==document&&(t=document.documentElement),R.__&&R.__(e,t),o=(r=typeof n=="function")?null:n&&n.__k||t.__k,s=[],i=[],yt(t,e=(!r&&n||t).__k=gt(Ae,null,[e]),o||ze,ze,t.namespaceURI,!r&&n?[n]:o?null:t.firstChild?Ke.call(t.childNodes):null,s,!r&&n?n:o?o.__e:t.firstChild,r,i),sn(s,e,i),e.props.children=null}Ke=Ge.slice,R={__e:function(e,t,n,r){for(var o,s,i;t=t.__;)if((o=t.__c)&&!o.__)try{if((s=o.constructor)&&s.getDerivedStateFromError!=null&&(o.setState(s.getDerivedStateFromError(e)),i=o.__d),o.componentDidCatch!=null&&(o.componentDidCatch(e,r||{}),i=o.__d),i)return o.__E=o}catch(c){e=c}throw e}},Qt=0,Wr=function(e){return e!=null&&e.constructor===void 0},We.prototype.setState=function(e,t){var n;n=this.__s!=null&&this.__s!=this.state?this.__s:this.__s=fe({},this.state),typeof e=="function"&&(e=e(fe({},n),this.props)),e&&fe(n,e),e!=null&&this.__v&&(t&&this._sb.push(t),Kt(this))},We.prototype.forceUpdate=function(e){this.__v&&(this.__e=!0,e&&this.__h.push(e),Kt(this))},We.prototype.render=Ae,ge=[],Xt=typeof Promise=="function"?Promise.prototype.then.bind(Promise.resolve()):setTimeout,Yt=function(e,t){return e.__v.__b-t.__v.__b},Ve.__r=0,mt=Math.random().toString(8),He="__d"+mt,Ne="__a"+mt,en=/(PointerCapture)$|Capture$/i,bt=0,ft=Zt(!1),ht=Zt(!0),zr=0;var Me,j,wt,cn,De=0,bn=[],U=R,un=U.__b,dn=U.__r,$n=U.diffed,pn=U.__c,mn=U.unmount,fn=U.__;function Qe(e,t){U.__h&&U.__h(j,e,De||t),De=0;var n=j.__H||(j.__H={__:[],__h:[]});return e>=n.__.length&&n.__.push({}),n.__[e]}function k(e){return De=1,Xr(_n,e)}function Xr(e,t,n){var r=Qe(Me++,2);if(r.t=e,!r.__c&&(r.__=[n?n(t):_n(void 0,t),function(c){var d=r.__N?r.__N[0]:r.__[0],u=r.t(d,c);d!==u&&(r.__N=[u,r.__[1]],r.__c.setState({}))}],r.__c=j,!j.__f)){var o=function(c,d,u){if(!r.__c.__H)return!0;var m=!1,f=r.__c.props!==c;if(r.__c.__H.__.some(function(p){if(p.__N){m=!0;var h=p.__[0];p.__=p.__N,p.__N=void 0,h!==p.__[0]&&(f=!0)}}),s){var $=s.call(this,c,d,u);return m?$||f:$}return!m||f};j.__f=!0;var s=j.shouldComponentUpdate,i=j.componentWillUpdate;j.componentWillUpdate=function(c,d,u){if(this.__e){var m=s;s=void 0,o(c,d,u),s=m}i&&i.call(this,c,d,u)},j.shouldComponentUpdate=o}return r.__N||r.__}function I(e,t){var n=Qe(Me++,3);!U.__s&&St(n.__H,t)&&(n.__=e,n.u=t,j.__H.__h.push(n))}function Ie(e,t){var n=Qe(Me++,4);!U.__s&&St(n.__H,t)&&(n.__=e,n.u=t,j.__h.push(n))}function M(e){return De=5,je(function(){return{current:e}},[])}function je(e,t){var n=Qe(Me++,7);return St(n.__H,t)&&(n.__=e(),n.__H=t,n.__h=e),n.__}function Xe(e,t){return De=8,je(function(){return e},t)}function Yr(){for(var e;e=bn.shift();){var t=e.__H;if(e.__P&&t)try{t.__h.some(Ze),t.__h.some(xt),t.__h=[]}catch(n){t.__h=[],U.__e(n,e.__v)}}}U.__b=function(e){j=null,un&&un(e)},U.__=function(e,t){e&&t.__k&&t.__k.__m&&(e.__m=t.__k.__m),fn&&fn(e,t)},U.__r=function(e){dn&&dn(e),Me=0;var t=(j=e.__c).__H;t&&(wt===j?(t.__h=[],j.__h=[],t.__.some(function(n){n.__N&&(n.__=n.__N),n.u=n.__N=void 0})):(t.__h.some(Ze),t.__h.some(xt),t.__h=[],Me=0)),wt=j},U.diffed=function(e){$n&&$n(e);var t=e.__c;t&&t.__H&&(t.__H.__h.length&&(bn.push(t)!==1&&cn===U.requestAnimationFrame||((cn=U.requestAnimationFrame)||eo)(Yr)),t.__H.__.some(function(n){n.u&&(n.__H=n.u,n.u=void 0)})),wt=j=null},U.__c=function(e,t){t.some(function(n){try{n.__h.some(Ze),n.__h=n.__h.filter(function(r){return!r.__||xt(r)})}catch(r){t.some(function(o){o.__h&&(o.__h=[])}),t=[],U.__e(r,n.__v)}}),pn&&pn(e,t)},U.unmount=function(e){mn&&mn(e);var t,n=e.__c;n&&n.__H&&(n.__H.__.some(function(r){try{Ze(r)}catch(o){t=o}}),n.__H=void 0,t&&U.__e(t,n.__v))};var hn=typeof requestAnimationFrame=="function";function eo(e){var t,n=function(){clearTimeout(r),hn&&cancelAnimationFrame(t),setTimeout(e)},r=setTimeout(n,35);hn&&(t=requestAnimationFrame(n))}function Ze(e){var t=j,n=e.__c;typeof n=="function"&&(e.__c=void 0,n()),j=t}function xt(e){var t=j;e.__c=e.__(),j=t}function St(e,t){return!e||e.length!==t.length||t.some(function(n,r){return n!==e[r]})}function _n(e,t){return typeof t=="function"?t(e):t}var yn=function(e,t,n,r){var o;t[0]=0;for(var s=1;s<t.length;s++){var i=t[s++],c=t[s]?(t[0]|=i?1:2,n[t[s++]]):t[++s];i===3?r[0]=c:i===4?r[1]=Object.assign(r[1]||{},c):i===5?(r[1]=r[1]||{})[t[++s]]=c:i===6?r[1][t[++s]]+=c+"":i?(o=e.apply(c,yn(e,c,n,["",null])),r.push(o),c[0]?t[0]|=2:(t[s-2]=0,t[s]=o)):r.push(c)}return r},gn=new Map;function vn(e){var t=gn.get(this);return t||(t=new Map,gn.set(this,t)),(t=yn(this,t.get(e)||(t.set(e,t=(function(n){for(var r,o,s=1,i="",c="",d=[0],u=function($){s===1&&($||(i=i.replace(/^\s*\n\s*|\s*\n\s*$/g,"")))?d.push(0,$,i):s===3&&($||i)?(d.push(3,$,i),s=2):s===2&&i==="..."&&$?d.push(4,$,0):s===2&&i&&!$?d.push(5,0,!0,i):s>=5&&((i||!$&&s===5)&&(d.push(s,0,i,o),s=6),$&&(d.push(s,$,0,o),s=6)),i=""},m=0;m<n.length;m++){m&&(s===1&&u(),u(m));for(var f=0;f<n[m].length;f++)r=n[m][f],s===1?r==="<"?(u(),d=[d],s=3):i+=r:s===4?i==="--"&&r===">"?(s=1,i=""):i=r+i[0]:c?r===c?c="":i+=r:r==='"'||r==="'"?c=r:r===">"?(u(),s=1):s&&(r==="="?(s=5,o=i,i=""):r==="/"&&(s<5||n[m][f+1]===">")?(u(),s===3&&(d=d[0]),s=d,(d=d[0]).push(2,0,s),s=0):r===" "||r==="	"||r===`
`||r==="\r"?(u(),s=2):i+=r),s===3&&i==="!--"&&(s=4,d=d[0])}return u(),d})(e)),t),arguments,[])).length>1?t:t[0]}var l=vn.bind(gt);function Q(e){let t=new Set;return{get:()=>e,set(n){n!==e&&(e=n,t.forEach(r=>r()))},follow(n){return t.add(n),()=>t.delete(n)}}}function X(e){let[,t]=k(0);return I(()=>e.follow(()=>t(n=>n+1)),[e]),e.get()}var to=new URL("../../",import.meta.url),Ct="decant-token",Y=Q({token:sessionStorage.getItem(Ct),caller:null,left:null,last:null}),et=()=>X(Y),G=e=>!!Y.get().caller?.scopes.includes(e),re=class extends Error{constructor(t,n={}){super(n.detail??n.title??String(t)),this.status=t,this.title=n.title,this.detail=n.detail,this.errors=n.errors??[],this.code=(n.type??"").replace("urn:decant:problem:",""),this.body=n}};async function kn(e){let{body:t}=await nt("me",{token:e});Y.get().last!==t.name&&Be(),sessionStorage.setItem(Ct,e),Y.set({token:e,caller:t,left:null,last:null})}function Be(e=null){let t=e&&Y.get().caller?.name;sessionStorage.removeItem(Ct),Y.set({token:null,caller:null,left:e,last:t})}var tt=e=>Y.follow(()=>{let{token:t,left:n}=Y.get();!t&&!n&&e()});async function wn(){let{token:e}=Y.get(),{body:t}=await nt("me");Y.set({token:e,caller:t,left:null,last:null})}var no=(e,t={})=>{let n=new URL(e.replace(/^\//,""),to);for(let[r,o]of Object.entries(t))o!=null&&o!==""&&n.searchParams.set(r,o);return n};async function nt(e,{method:t="GET",query:n,json:r,headers:o={},signal:s,token:i,accept:c=[]}={}){let d=await rt(e,{method:t,query:n,signal:s,token:i,headers:{Accept:"application/json",...r===void 0?{}:{"Content-Type":"application/json"},...o},body:r===void 0?void 0:JSON.stringify(r)}),u=await d.text().then(ro).catch(()=>null),m=u?.type?.startsWith?.("urn:decant:problem:");if(d.status>=400&&(m||!c.includes(d.status)))throw new re(d.status,u??{});return{status:d.status,body:u,headers:d.headers}}function ro(e){let t=n=>/^-?\d{16,}$/.test(n)?`"${n}"`:n;return JSON.parse(e.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g,t))}async function rt(e,{query:t,token:n=Y.get().token,headers:r,...o}){if(!n)throw new re(401);let s;try{s=await fetch(no(e,t),{...o,headers:{...r,Authorization:`Bearer ${n}`},cache:"no-store",credentials:"omit",referrerPolicy:"no-referrer"})}catch(i){throw i.name==="AbortError"?i:new re(0)}return s.status===401&&n===Y.get().token&&Be("expired"),s}var T=async(e,t,n={})=>(await nt(e,{query:t,...n})).body;async function ie(e,t,{query:n,key:r=crypto.randomUUID(),wait:o,accept:s,signal:i}={}){let c={"Idempotency-Key":r,...o?{Prefer:`wait=${o}`}:{}};return(await nt(e,{method:"POST",query:n,json:t,headers:c,accept:s,signal:i})).body}async function Ee(e,{query:t,name:n,accept:r="*/*"}={}){let o=await rt(e,{method:"GET",query:t,headers:{Accept:r}}),s=(o.headers.get("Content-Type")??"").includes("json");if(o.status>=400)throw new re(o.status,await o.json().catch(()=>({})));let i=s&&r.includes("json")?await o.json():null;if(i?.url)return Ye(i.url);let c=URL.createObjectURL(i?new Blob([JSON.stringify(i)]):await o.blob());Ye(c,n),setTimeout(()=>URL.revokeObjectURL(c),6e4)}function Ye(e,t){let n=document.createElement("a");n.href=e,n.rel="noreferrer",t&&(n.download=t),n.click()}function xn(e,t,n,r){return new Promise((o,s)=>{let i=new FormData;for(let[d,u]of Object.entries(e.fields))i.append(d,u);i.append("file",t);let c=new XMLHttpRequest;c.open("POST",e.url),c.upload.addEventListener("progress",d=>n(d.loaded/d.total)),c.addEventListener("load",()=>c.status<300?o():s(oo(c))),c.addEventListener("error",()=>s(new re(0))),c.addEventListener("abort",()=>s(new DOMException("","AbortError"))),r?.addEventListener("abort",()=>c.abort()),c.send(i)})}function oo(e){let t=/<Message>([^<]*)<\/Message>/.exec(e.responseText);return new re(e.status,{detail:t?.[1]})}var Tt=Q(Mt());window.addEventListener("hashchange",()=>Tt.set(Mt()));function Mt(){let[e,t=""]=location.hash.replace(/^#/,"").split("?");return{path:e||"/",query:Object.fromEntries(new URLSearchParams(t))}}var Sn=()=>X(Tt);function S(e,t={}){let n=Object.entries(t).filter(([,o])=>o!=null&&o!==""),r=new URLSearchParams(n).toString();return`#${e}${r?`?${r}`:""}`}function V(e,t={},{replace:n=!1}={}){n?(history.replaceState(null,"",S(e,t)),Tt.set(Mt())):location.hash=S(e,t)}function Cn(e,t){let n=e.split("/"),r=t.split("/");if(n.length!==r.length)return null;let o={};for(let[s,i]of n.entries()){if(!i.startsWith(":")){if(i!==r[s])return null;continue}try{o[i.slice(1)]=decodeURIComponent(r[s])}catch{return null}}return o}var Pt={en:"English",es:"Español"},Ot={},ce=Q(so());await Mn(ce.get());Tn();ce.follow(Tn);function so(){let e=n=>Pt[n.slice(0,2)]&&n.slice(0,2),t=localStorage.getItem("decant-language");return t&&e(t)||navigator.languages.map(e).find(Boolean)||"en"}function Tn(){document.documentElement.lang=ce.get()}async function Mn(e){let t=new URL(`text.${e}.js`,import.meta.url).href;Ot[e]??=(await import(t)).default}async function En(e){localStorage.setItem("decant-language",e);try{await Mn(e),ce.set(e)}catch{location.reload()}}var Lt=()=>X(ce);function a(e,t={}){let n=Ot[ce.get()],r="count"in t?new Intl.PluralRules(ce.get()).select(t.count):"other";return(n[`${e}.${r}`]??n[`${e}.other`]??n[e]??e).replace(/\{(\w+)\}/g,(s,i)=>i in t?typeof t[i]=="number"?w(t[i]):String(t[i]):s)}var O=(e,t)=>e in Ot[ce.get()]?a(e):t,Et=new Map;function ot(e,t){let n=`${ce.get()} ${e.name} ${JSON.stringify(t)}`;return Et.has(n)||Et.set(n,new e(ce.get(),t)),Et.get(n)}var w=(e,t={})=>e==null?"–":ot(Intl.NumberFormat,t).format(e),Pe=(e,t=0)=>w(e,{style:"percent",maximumFractionDigits:t});function he(e){let t=["byte","kilobyte","megabyte","gigabyte","terabyte"],n=e<1e3?0:Math.min(Math.floor(Math.log10(e)/3),t.length-1),r=n?1:0;return w(e/1e3**n,{style:"unit",unit:t[n],unitDisplay:n?"short":"long",maximumFractionDigits:r})}var J=e=>e?ot(Intl.DateTimeFormat,{dateStyle:"medium",timeStyle:"short"}).format(new Date(e)):"–";function ye(e,t=Date.now()){if(!e)return"–";let n=Math.min((new Date(e).getTime()-t)/1e3,0);for(let[r,o]of[["day",86400],["hour",3600],["minute",60]])if(-n>=o)return ot(Intl.RelativeTimeFormat,{numeric:"auto"}).format(Math.round(n/o),r);return ot(Intl.RelativeTimeFormat,{numeric:"auto"}).format(Math.round(n),"second")}function ve(e){if(e==null)return"–";let t=(s,i,c=0)=>w(s,{style:"unit",unit:i,unitDisplay:"short",maximumFractionDigits:c});if(e<10)return t(e,"second",1);if(e<60)return t(Math.round(e),"second");let[n,r,o]=[Math.floor(e/3600),Math.floor(e/60)%60,Math.round(e)%60];return n?`${t(n,"hour")} ${t(r,"minute")}`:`${t(r,"minute")} ${t(o,"second")}`}var Rt="decant-theme",Nt=["system","light","dark"],st=Q(Nt.includes(localStorage.getItem(Rt))?localStorage.getItem(Rt):"system");st.follow(Pn);Pn();function Pn(){document.documentElement.dataset.theme=st.get()}var On=()=>X(st);function Ln(e){localStorage.setItem(Rt,e),st.set(e)}var Rn=1e3,Nn=15e3;function E(e,t=[],{busy:n=()=>!1}={}){let[r,o]=k({data:null,error:null,loading:!0}),[s,i]=k(0),c=M();c.current={load:e,busy:n};let d=Xe(()=>i(m=>m+1),[]),u=Xe(m=>o({data:m,error:null,loading:!1}),[]);return I(()=>o({data:null,error:null,loading:!0}),t),I(()=>{let m=new AbortController,f,$=Rn,p;o(y=>({...y,loading:!0}));async function h(){try{let y=await c.current.load(m.signal);if(m.signal.aborted)return;if(o({data:y,error:null,loading:!1}),!c.current.busy(y)){p=void 0;return}let b=JSON.stringify(y);$=b===p?Math.min($*1.5,Nn):Rn,p=b}catch(y){if(m.signal.aborted||y.name==="AbortError"||(o(b=>({...b,error:y,loading:!1})),p===void 0))return;$=Math.min($*2,Nn)}v()}function v(){clearTimeout(f),!m.signal.aborted&&!document.hidden&&(f=setTimeout(h,$))}function x(){!document.hidden&&p!==void 0?h():clearTimeout(f)}return h(),document.addEventListener("visibilitychange",x),()=>{m.abort(),clearTimeout(f),document.removeEventListener("visibilitychange",x)}},[...t,s]),{...r,reload:d,put:u}}function F(e){let[t,n]=k({busy:!1,error:null}),r=M(!1);return[async(...s)=>{if(!r.current){r.current=!0,n({busy:!0,error:null});try{let i=await e(...s);return n({busy:!1,error:null}),i}catch(i){n({busy:!1,error:i});return}finally{r.current=!1}}},{...t,clear:()=>n({busy:!1,error:null})}]}var ao={upload:"M12 15V4m0 0L8 8m4-4 4 4M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3",download:"M12 4v11m0 0 4-4m-4 4-4-4M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3",runs:"M4 6h16M4 12h10M4 18h7m6-3 3 3-3 3",table:"M4 5h16v14H4zM4 10h16M10 10v9",backup:"M4 7c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3Zm0 0v10c0 1.7 3.6 3 8 3s8-1.3 8-3V7M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",metrics:"M5 20V10m7 10V4m7 16v-7",health:"M3 12h4l2.5-6 4 12 2.5-6h5",check:"m5 12.5 4.5 4.5L19 7.5",cross:"M6 6l12 12M18 6 6 18",warning:"M12 9v4m0 3.5v.1M12 3.5 2.5 20h19z",info:"M12 11v5m0-8.5v.1M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",clock:"M12 7v5l3 2m6-2a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",again:"M4 12a8 8 0 0 1 14-5.3L20 9m0-5v5h-5M20 12a8 8 0 0 1-14 5.3L4 15m0 5v-5h5",left:"m14.5 6-6 6 6 6",right:"m9.5 6 6 6-6 6",file:"M7 3h7l5 5v13H7zM14 3v5h5",leave:"M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M10 8l-4 4 4 4m-4-4h10",sun:"M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4",search:"m20 20-4.5-4.5M17 10.5a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0Z"},Z=({name:e})=>l`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${ao[e]} /></svg>`;function B({title:e,lead:t,actions:n,back:r,children:o}){let s=M();return I(()=>{document.title=`${e} · Decant`},[e]),I(()=>{window.scrollTo(0,0),s.current.focus({preventScroll:!0})},[]),l`<div class="page">
    ${r&&l`<a class="back" href=${r.href}><${Z} name="left" />${r.label}</a>`}
    <header class="page-head">
      <div><h1 tabindex="-1" ref=${s}>${e}</h1>${t&&l`<p class="lead">${t}</p>`}</div>
      ${n&&l`<div class="actions">${n}</div>`}
    </header>
    ${o}
  </div>`}var H=({title:e,actions:t,children:n,class:r=""})=>l`
  <section class="card ${r}">
    ${(e||t)&&l`<header class="card-head">${e&&l`<h2>${e}</h2>`}
      ${t&&l`<div class="actions">${t}</div>`}</header>`}
    ${n}
  </section>`;function g({kind:e="plain",icon:t,busy:n=!1,disabled:r=!1,href:o,children:s,onClick:i,type:c="button",...d}){let u=l`${n?l`<span class="spinner" aria-hidden="true"></span>`:t&&l`<${Z} name=${t} />`}
    ${s&&l`<span>${s}</span>`}`;return o?l`<a class="button ${e}" href=${o} ...${d}>${u}</a>`:l`<button type=${c} class="button ${e}" disabled=${r} aria-disabled=${n?"true":null}
    onClick=${m=>n?m.preventDefault():i?.(m)} ...${d}>${u}</button>`}function le({id:e,label:t,hint:n,error:r,children:o}){let s=[n&&`${e}-hint`,r&&`${e}-error`].filter(Boolean).join(" ");return l`<div class="field">
    <label for=${e}>${t}</label>
    ${o({id:e,"aria-describedby":s||null,"aria-invalid":r?"true":null})}
    ${n&&l`<p class="hint" id="${e}-hint">${n}</p>`}
    ${r&&l`<p class="field-error" id="${e}-error">${r}</p>`}
  </div>`}var A=({options:e,value:t,onChange:n,...r})=>l`
  <select class="input" value=${t} onChange=${o=>n(o.currentTarget.value)} ...${r}>
    ${e.map(([o,s])=>l`<option key=${o} value=${o} selected=${o===t}>${s}</option>`)}
  </select>`,At={good:"check",bad:"cross",warning:"warning",info:"info",waiting:"clock"},D=({kind:e="info",title:t,children:n,actions:r})=>l`
  <div class="notice ${e}" role=${e==="bad"?"alert":null}>
    <${Z} name=${At[e]} />
    <div class="notice-text">${t&&l`<p class="notice-title">${t}</p>`}${n}</div>
    ${r&&l`<div class="actions">${r}</div>`}
  </div>`;function L({error:e,retry:t,title:n}){if(!e)return null;let r=e instanceof re,o=n??(r?O(`problem.${e.status}`,e.title??a("problem.other")):a("problem.other")),s=r&&e.status?e.detail:r?a("problem.0.detail"):a("problem.other.detail");return l`<${D} kind="bad" title=${o}
    actions=${t&&l`<${g} icon="again" onClick=${t}>${a("again")}<//>`}>
    ${s&&l`<p>${s}</p>`}
  <//>`}var K=({icon:e="file",title:t,children:n,action:r})=>l`
  <div class="empty"><${Z} name=${e} /><p class="empty-title">${t}</p>
    ${n&&l`<p>${n}</p>`}${r}</div>`,Dt=({rows:e=4})=>l`
  <div class="loading" role="status"><span class="visually-hidden">${a("loading")}</span>
    ${Array.from({length:e},(t,n)=>l`<div key=${n} class="skeleton" aria-hidden="true"></div>`)}</div>`;function N({from:e,rows:t,children:n}){return e.data===null&&e.error?l`<${L} error=${e.error} retry=${e.reload} />`:e.data===null?l`<${Dt} rows=${t} />`:l`${e.error&&l`<${L} error=${e.error} retry=${e.reload} />`}${n(e.data)}`}var ee=({kind:e="plain",children:t})=>l`
  <span class="badge ${e}">${At[e]&&l`<${Z} name=${At[e]} />`}<span>${t}</span></span>`,lo={queued:"waiting",waiting:"waiting",running:"info",succeeded:"good",failed:"bad",refused:"bad",duplicate:"plain"};function Oe({run:e}){return e.state==="succeeded"&&e.rejected>0?l`<${ee} kind="warning">${a("state.partly",{count:e.rejected})}<//>`:l`<${ee} kind=${lo[e.state]??"plain"}>${O(`state.${e.state}`,e.state)}<//>`}var q=({caption:e,columns:t,rows:n,id:r=(s,i)=>i,row:o=()=>({})})=>l`
  <div class="table-frame" role="region" aria-label=${e} tabindex="0">
    <table>
      <caption class="visually-hidden">${e}</caption>
      <thead><tr>${t.map(s=>l`<th key=${s.key} scope="col" class=${An(s)}>${s.label}</th>`)}</tr></thead>
      <tbody>${n.map((s,i)=>l`<tr key=${r(s,i)} ...${o(s)}>
        ${t.map(c=>l`<td key=${c.key} class=${An(c)}>${c.cell?c.cell(s):io(s[c.key])}</td>`)}
      </tr>`)}</tbody>
    </table>
  </div>`,An=({numeric:e,wide:t})=>[e&&"numeric",t&&"wide"].filter(Boolean).join(" ")||null,io=e=>e==null?l`<span class="none">–</span>`:typeof e=="number"?w(e):String(e),Le=({back:e,on:t,children:n})=>l`
  <nav class="pager" aria-label=${a("pager")}>
    <${g} icon="left" disabled=${!e} onClick=${e}>${a("pager.back")}<//>
    <span class="pager-text">${n}</span>
    <${g} disabled=${!t} onClick=${t}>${a("pager.on")}<//>
  </nav>`;function Dn({title:e,onClose:t,children:n,actions:r}){let o=M();return I(()=>{let s=o.current,i=document.activeElement;return s.showModal(),()=>{s.close(),i?.focus?.()}},[]),l`<dialog ref=${o} aria-labelledby="dialog-title" onCancel=${s=>{s.preventDefault(),t()}}>
    <h2 id="dialog-title">${e}</h2>
    <div class="dialog-body">${n}</div>
    <div class="actions">${r}</div>
  </dialog>`}var ke=({share:e=null,label:t,kind:n=""})=>l`
  <progress class="bar ${n}" max="1" value=${e} aria-label=${t}></progress>`,be=({label:e,value:t,kind:n=""})=>l`
  <div class="stat ${n}"><dt>${e}</dt><dd>${typeof t=="number"?w(t):t}</dd></div>`,In=Q(""),ue=e=>In.set(e),jn=()=>l`<div class="visually-hidden" role="status" aria-live="polite">${X(In)}</div>`;function Ue(e){return e.source?.key.split("/").pop()||It(e)}var It=e=>O(`kind.${e.kind}`,e.kind);function xe(e){let[t,n]=/^(backup|check|stage|waiting:) (.*)$/s.exec(e)?.slice(1)??[e,""];return n?`${O(`phase.${t.replace(":","")}`,t)} ${n}`:O(`phase.${e}`,e)}var at=({runs:e,caption:t})=>l`<${q} caption=${t} rows=${e} id=${n=>n.id} columns=${[{key:"name",label:a("run"),cell:n=>l`<a class="break" href=${S(`/runs/${n.id}`)}>${Ue(n)}</a>
    <span class="cell-sub">${[Ue(n)!==It(n)&&It(n),n.table].filter(Boolean).join(" · ")}</span>`},{key:"state",label:a("run.state"),cell:n=>l`<${Oe} run=${n} />
    ${n.state==="running"||n.state==="waiting"?l`<span class="cell-sub">${xe(n.phase)}${n.progress?` · ${a("rows",{count:n.progress})}`:""}</span>`:null}`},{key:"read",label:a("run.read"),numeric:!0,wide:!0},{key:"inserted",label:a("run.inserted"),numeric:!0,wide:!0},{key:"rejected",label:a("run.rejected"),numeric:!0,wide:!0,cell:n=>n.rejected?l`<strong class="bad-text">${w(n.rejected)}</strong>`:w(n.rejected)},{key:"created",label:a("run.when"),wide:!0,cell:n=>l`<time class="nowrap" datetime=${n.created} title=${J(n.created)}>${ye(n.created)}</time>`},{key:"seconds",label:a("run.took"),numeric:!0,wide:!0,cell:n=>ve(n.seconds)}]} />`;var jt=["succeeded","failed","refused","duplicate"],co=5;function Se(e){let[t,n]=k(null),[r,o]=F(async(u,m)=>{n(null),n(await ie(u,typeof m=="function"?await m():m,{wait:co}))}),s=E(async u=>t&&!jt.includes(t.state)?T(`runs/${t.id}`,{},{signal:u}):t,[t?.id],{busy:u=>!!u&&!jt.includes(u.state)}),i=t&&(s.data?.id===t.id?s.data:t),c=!!i&&jt.includes(i.state);return I(()=>{c&&(ue(`${O(`kind.${i.kind}`,i.kind)}: ${O(`state.${i.state}`,i.state)}`),e?.(i))},[i?.id,c]),{order:r,run:i,clear:()=>{o.clear(),n(null)},busy:o.busy||!!i&&!c,error:o.error??(t&&!c?s.error:null)}}function Ce({of:{run:e,busy:t,error:n},label:r,children:o}){return n?l`<${L} error=${n} />`:t?l`<div class="working" role="status">
      <p><strong>${r}…</strong> ${e&&l`<span class="hint">${uo(e)}</span>`}</p>
      <${ke} label=${r} />
    </div>`:e?e.state==="succeeded"?o??null:l`<${D} kind="bad" title=${O(`state.${e.state}`,e.state)} actions=${l`<${g} href=${S(`/runs/${e.id}`)}>${a("order.run")}<//>`}>
    ${e.error&&l`<p>${e.error.detail}</p>`}${e.error?.hint&&l`<p>${e.error.hint}</p>`}
  <//>`:null}function uo({phase:e,state:t,progress:n}){let r=e?xe(e):O(`state.${t}`,t);return n>0?`${r} · ${a("rows",{count:n})}`:r}var de=(e,t)=>S(`/tables/${encodeURIComponent(e)}`,t);function Un(){let e=E(t=>T("tables",{},{signal:t}),[]);return l`<${B} title=${a("tables.title")} lead=${a("tables.lead")}>
    <${N} from=${e} rows=${3}>
      ${t=>l`<div class="tables"><${q} caption=${a("tables.caption")} rows=${t.tables} id=${n=>n.name} columns=${$o()} /></div>`}
    <//>
  <//>`}var $o=()=>[{key:"name",label:a("tables.table"),cell:e=>l`<a class="strong" href=${de(e.name)}>${e.title||e.name}</a>
      ${e.description&&l`<p class="hint">${e.description}</p>`}`},{key:"rows",label:a("tables.rows"),numeric:!0,cell:e=>w(e.rows)},{key:"columns",label:a("tables.columns"),wide:!0,cell:e=>Bn(e.columns.map(t=>t.name))},{key:"key",label:a("tables.key"),wide:!0,cell:e=>Bn(e.primary_key)},{key:"references",label:a("tables.references"),cell:e=>e.foreign_keys.length?e.foreign_keys.map((t,n)=>l`${n?", ":""}<a class="mono" href=${de(t.table)}>${t.table}</a>`):l`<span class="none">${a("tables.none")}</span>`}],Bn=e=>l`<span class="mono">${e.join(", ")}</span>`;function Fn({params:e}){let t=`backups/${encodeURIComponent(e.backup)}`,n=E(c=>T(t,{},{signal:c}),[t]),r=n.data,o=Se(n.reload),[s,i]=F(async()=>n.put({...r,...await ie(`${t}/${r.pinned?"unpin":"pin"}`)}));return l`<${B}
    title=${r?a("backup.title",{table:r.table}):a("backups.title")}
    lead=${r&&l`${J(r.created)} · ${ye(r.created)}`}
    back=${{href:S("/backups"),label:a("backups.title")}}
    actions=${r&&G("operate")&&l`
      <${g} icon="check" busy=${o.busy} onClick=${()=>o.order(`${t}/verify`)}>${a("backup.verify")}<//>
      <${g} busy=${i.busy} onClick=${s}>${a(r.pinned?"backup.unpin":"backup.pin")}<//>
      <${g} icon="again" href=${S("/backups/restore",{table:r.table,backup:r.id})}>${a("backup.restore")}<//>`}
  >
    ${i.error&&l`<${L} error=${i.error} />`}
    <${Ce} of=${o} label=${a("backup.verifying")}><${D} kind="good" title=${a("backup.sound")} /><//>
    <${N} from=${n} rows=${8}>
      ${c=>l`<${po} backup=${c} /><${mo} backup=${c} path=${t} /><${fo} manifest=${c.manifest} />`}
    <//>
  <//>`}function po({backup:e}){let t=e.manifest.tables.filter(n=>n!==e.table);return l`<${H} title=${a("backup.facts")}>
    <dl class="facts">
      <dt>${a("backups.table")}</dt><dd><a href=${de(e.table)}>${e.table}</a></dd>
      <dt>${a("backup.rows")}</dt><dd>${w(e.rows)}</dd>
      <dt>${a("backup.size")}</dt><dd>${he(e.bytes)}</dd>
      <dt>${a("backup.state")}</dt><dd><${ee} kind=${e.state==="complete"?"good":"warning"}>${O(`backup.state.${e.state}`,e.state)}<//></dd>
      <dt>${a("backup.verified")}</dt><dd>${e.verified?l`${J(e.verified)} · ${ye(e.verified)}`:a("backups.verified.never")}</dd>
      <dt>${a("backup.pinned")}</dt><dd>${a(`backup.pinned.${e.pinned?"yes":"no"}`)}</dd>
      <dt>${a("backup.snapshot")}</dt><dd><span class="mono">${e.snapshot}</span>
        ${t.length>0&&l` <span class="hint">${a("backup.snapshot.with",{tables:t.join(", ")})}</span>`}</dd>
    </dl>
  <//>`}function mo({backup:e,path:t}){let{manifest:n}=e,r=n.files??[n],[o,{busy:s,error:i}]=F(d=>Ee(`${t}/file`,{query:{part:d,redirect:"false"},accept:"application/json"})),c=d=>r.length>1?a("backup.download.part",{part:d,count:r.length}):null;return l`<${H} title=${a("backup.files")}>
    ${i&&l`<${L} error=${i} />`}
    <div class="backup-files"><${q} caption=${a("backup.files.caption")} id=${d=>d.file}
      rows=${r.map((d,u)=>({...d,part:u+1}))} columns=${[{key:"download",label:l`<span class="visually-hidden">${a("backup.download")}</span>`,cell:d=>l`<${g} kind="plain small" icon="download" disabled=${s} aria-label=${c(d.part)}
          onClick=${()=>o(d.part)}>${a("backup.download")}<//>`},{key:"file",label:a("backup.file"),cell:({file:d,sha256:u})=>l`<span class="mono break">${d}</span><span class="cell-sub mono break">SHA-256 ${u}</span>`},{key:"rows",label:a("backup.rows"),numeric:!0},{key:"bytes",label:a("backup.size"),numeric:!0,cell:d=>he(d.bytes)}]} /></div>
  <//>`}var fo=({manifest:e})=>l`<${H} title=${a("backup.manifest")}>
  <dl class="facts">
    <dt>${a("backup.manifest.format")}</dt><dd>${e.format}</dd>
    <dt>${a("backup.manifest.codec")}</dt><dd>${e.codec}</dd>
    <dt>${a("backup.manifest.key")}</dt><dd class="mono">${e.key.join(", ")}</dd>
    <dt>SHA-256</dt><dd class="mono">${e.sha256}</dd>
    <dt>${a("backup.manifest.content")}</dt><dd class="mono">${e.content}</dd>
    <dt>${a("backup.manifest.fingerprint")}</dt><dd class="mono">${e.schema_fingerprint}</dd>
    <dt>${a("backup.manifest.dictionary")}</dt><dd class="mono">${e.dictionary}</dd>
  </dl>
  <h3>${a("backup.schema")}</h3>
  <${q} caption=${a("backup.schema.caption")} rows=${e.schema.fields} id=${t=>t.name} columns=${[{key:"name",label:a("backup.schema.field"),cell:t=>l`<span class="mono">${t.name}</span>`},{key:"type",label:a("backup.schema.type"),cell:t=>l`<span class="mono">${lt(t.type)}</span>`}]} />
  <details><summary>${a("backup.raw")}</summary><pre class="mono" tabindex="0">${JSON.stringify(e,null,2)}</pre></details>
<//>`;function lt(e){return Array.isArray(e)?e.map(lt).join(" | "):typeof e=="string"?e:e.logicalType?`${lt(e.type)} (${e.logicalType}${e.precision?` ${e.precision}, ${e.scale}`:""})`:lt(e.type)}var it=null;Y.follow(()=>{it=null});function ho(){return it??=T("tables").then(e=>e.tables).catch(e=>{throw it=null,e}),it}var oe=()=>E(ho);var qn=50;function Wn({query:e}){let t=oe(),n=E(o=>T("backups",{table:e.table,limit:qn},{signal:o}),[e.table]),r=Object.fromEntries((t.data??[]).map(o=>[o.name,o.title||o.name]));return l`<${B} title=${a("backups.title")} lead=${a("backups.lead")}
    actions=${G("operate")&&l`<${g} icon="again" href=${S("/backups/restore",{table:e.table})}>${a("backups.restore")}<//>`}>
    ${G("operate")&&l`<${bo} titles=${r} onMade=${n.reload} />`}
    <${N} from=${n} rows=${6}>
      ${o=>o.backups.length||e.table?l`<div class="filters"><div class="field broad"><label for="backups-table">${a("backups.filter")}</label>
            <${A} id="backups-table" value=${e.table??""} options=${[["",a("backups.filter.all")],...Object.entries(r)]}
              onChange=${s=>V("/backups",{table:s},{replace:!0})} /></div></div>
          ${o.backups.length?l`<${_o} key=${o.backups[0].id} page=${o} table=${e.table} titles=${r} />`:l`<${Hn} />`}`:l`<${Hn} />`}
    <//>
  <//>`}var Hn=()=>l`<${K} icon="backup" title=${a("backups.empty")}>${a("backups.empty.hint")}<//>`;function bo({titles:e,onMade:t}){let[n,r]=k(""),o=Se(t);return l`<${H}>
    <form class="filters" onSubmit=${i=>{i.preventDefault(),o.order(n?`tables/${encodeURIComponent(n)}/backups`:"backups")}}>
      <div class="field broad"><label for="backup-what">${a("backups.make.what")}</label>
        <${A} id="backup-what" value=${n} disabled=${o.busy} options=${[["",a("backups.make.all")],...Object.entries(e)]} onChange=${r} /></div>
      <${g} kind="primary" icon="backup" type="submit" busy=${o.busy}>${a("backups.make")}<//>
    </form>
    <${Ce} of=${o} label=${a("backups.making",{what:n?e[n]??n:a("backups.all")})}>
      <${D} kind="good" title=${a("backups.made")}>${o.run&&l`<a href=${S(`/runs/${o.run.id}`)}>${a("order.run")}</a>`}<//>
    <//>
  <//>`}function _o({page:e,table:t,titles:n}){let[r,o]=k([]),s=r.at(-1)??e,[i,{busy:c,error:d}]=F(async()=>o([...r,await T("backups",{table:t,limit:qn,after:s.next})])),u=ko([e,...r].flatMap(m=>m.backups));return l`
    <div class="table-frame" role="region" aria-label=${a("backups.caption")} tabindex="0">
      <table class="backups">
        <caption class="visually-hidden">${a("backups.caption")}</caption>
        <thead><tr>
          <th scope="col">${a("backups.table")}</th>
          <th scope="col">${a("backups.created")}</th>
          <th scope="col" class="numeric wide">${a("backups.rows")}</th>
          <th scope="col" class="numeric wide">${a("backups.size")}</th>
          <th scope="col" class="wide">${a("backups.verified")}</th>
          <th scope="col"><span class="visually-hidden">${a("backups.actions")}</span></th>
        </tr></thead>
        ${u.map(m=>l`<tbody key=${m[0].snapshot} class=${m.length>1?"snapshot":null}>
          ${m.length>1&&l`<${go} group=${m} />`}
          ${wo(m,n).map(f=>l`<${yo} key=${f.id} backup=${f} titles=${n} />`)}
        </tbody>`)}
      </table>
    </div>
    ${d&&l`<${L} error=${d} />`}
    ${s.next&&l`<div class="actions"><${g} busy=${c} onClick=${i}>${a("backups.more")}<//></div>`}`}var go=({group:e})=>l`<tr><th scope="rowgroup" colspan="6"><div class="snapshot-head">
  <span>${a("backups.snapshot",{count:e.length})}</span>
  ${G("operate")&&l`<a href=${S("/backups/restore",{snapshot:e[0].snapshot})}>${a("backups.restore.snapshot",{count:e.length})}</a>`}
</div></th></tr>`,yo=({backup:e,titles:t})=>l`<tr>
  <th scope="row"><a href=${S(`/backups/${e.id}`)}>${t[e.table]??e.table}</a>
    ${e.pinned&&l` <${ee}>${a("backups.pinned")}<//>`}</th>
  <td><${vo} iso=${e.created} /></td>
  <td class="numeric wide">${w(e.rows)}</td>
  <td class="numeric wide">${he(e.bytes)}</td>
  <td class="wide">${e.verified?l`<${ee} kind="good">${ye(e.verified)}<//>`:l`<span class="none">${a("backups.verified.never")}</span>`}</td>
  <td class="numeric">${G("operate")&&l`<a href=${S("/backups/restore",{table:e.table,backup:e.id})}
    aria-label=${a("backups.restore.of",{table:e.table})}>${a("backups.restore")}</a>`}</td>
</tr>`,vo=({iso:e})=>l`<time datetime=${e} title=${ye(e)}>${J(e)}</time>`;function ko(e){let t=[];for(let n of e)t.at(-1)?.[0].snapshot===n.snapshot?t.at(-1).push(n):t.push([n]);return t}function wo(e,t){let n=Object.keys(t);return[...e].sort((r,o)=>n.indexOf(r.table)-n.indexOf(o.table))}function zn(){let e=M(),t=E(async n=>{let r=await T("health",{},{signal:n,accept:[503]});return e.current=new Date().toISOString(),r},[],{busy:()=>!0});return l`<${B} title=${a("health.title")}
    actions=${l`<${g} icon="again" busy=${t.loading&&t.data!==null} onClick=${t.reload}>${a("health.again")}<//>`}>
    <${N} from=${t} rows=${4}>
      ${({status:n,...r})=>{let o=Object.entries(r).map(([i,c])=>({name:i,up:c==="ok"})),s=o.filter(i=>!i.up).length;return l`
          <div role="status"><${D} kind=${n==="ok"?"good":"bad"} title=${s?a("health.down",{count:s}):a("health.up")} /></div>
          <${q} caption=${a("health.caption")} rows=${o} id=${i=>i.name} columns=${[{key:"name",label:a("health.part"),cell:({name:i})=>l`<strong>${O(`health.${i}`,i)}</strong>
              <span class="cell-sub">${O(`health.${i}.is`,"")}</span>`},{key:"up",label:a("health.state"),cell:({up:i})=>l`<${ee} kind=${i?"good":"bad"}>${a(i?"health.ok":"health.not")}<//>`}]} />
          <p class="hint">${a("health.checked",{time:J(e.current)})}</p>`}}
    <//>
  <//>`}function xo(e,t=5){if(!(e>0))return[0];let n=Math.max(e/t,1),r=10**Math.floor(Math.log10(n)),o=[1,2,5,10].map(s=>s*r).find(s=>s>=n);return Array.from({length:Math.floor(e/o)+1},(s,i)=>i*o)}function Gn({rows:e,width:t,line:n=null,format:r=String,measure:o=s=>s.length*8}){let s=e.map(b=>$e(b.values)),i=Math.max(1,n??0,...s),c=t<560,d=Math.max(0,...e.map(b=>o(b.label))),u=c?0:Math.min(d+12,t*.32),m=Math.max(0,...s.map(b=>o(r(b))))+12,f=Math.max(t-u-m,40),$=b=>u+b/i*f,p=30+(c?18:0),h=n===null?4:24,v=c?t:u-10,x=e.map((b,W)=>{let z=h+W*p+(c?18:0),_=0,C=b.values.map((P,me)=>{let ae=$(_);_+=P;let ne=$(_)-ae;return{series:me,value:P,x:ae,width:ne,told:P>0&&ne>=o(r(P))+6}});return{label:b.label,shown:So(b.label,v,o),labelX:c?0:u-10,labelY:c?z-5:z+20/2,y:z,height:20,segments:C,total:s[W],totalX:$(s[W])+6}}),y=h+e.length*p;return{width:t,height:y+22,narrow:c,top:h,bottom:y,left:u,right:u+f,ticks:xo(i,c?4:6).map(b=>({value:b,x:$(b)})),line:n===null?null:$(n),bars:x}}function ct(e,t,n){let r=new Map;for(let o of e){let s=r.get(o[t])??{label:o[t],values:n.map(()=>0),rows:[]};n.forEach((i,c)=>s.values[c]+=o[i]),s.rows.push(o),r.set(o[t],s)}return[...r.values()]}var $e=e=>e.reduce((t,n)=>t+n,0);function So(e,t,n){let r=e;for(let o=e.length-1;o>0&&n(r)>t;o-=1)r=`${e.slice(0,o).trimEnd()}…`;return r}var Co=[null,l`<path d="M-2 2 L2 -2 M0 8 L8 0 M6 10 L10 6" />`,l`<circle cx="2" cy="2" r="1.3" /><circle cx="6" cy="6" r="1.3" />`,l`<path d="M0 4 H8" />`];function ut({id:e,title:t,description:n,rows:r,series:o,line:s=null,onPick:i}){let[c,d]=Po(),u=d?Gn({rows:r,width:d,line:s?.value??null,format:w,measure:Eo(c.current)}):null;return l`<div class="chart" ref=${c}>
    ${u&&l`<svg role="img" aria-labelledby="${e}-title ${e}-description" width=${u.width} height=${u.height}>
      <title id="${e}-title">${t}</title>
      <desc id="${e}-description">${n}</desc>
      <${Kn} id=${e} count=${o.length} />
      ${u.ticks.map(m=>l`<g class="tick">
          <line x1=${m.x} x2=${m.x} y1=${u.top-4} y2=${u.bottom} />
          <text x=${m.x} y=${u.bottom+16} text-anchor=${m.value?"middle":"start"}>
            ${w(m.value)}
          </text>
        </g>`)}
      ${u.bars.map(m=>l`<${To} ...${{id:e,bar:m,chart:u,series:o,onPick:i}} />`)}
      ${s&&l`<g class="mean">
        ${Mo(u).map(m=>l`<path class="halo" d=${m} /><path d=${m} />`)}
        <text x=${u.line} y="11" text-anchor=${u.line<u.width/2?"start":"end"}>${s.label}</text>
      </g>`}
    </svg>`}
  </div>`}function To({id:e,bar:t,chart:n,series:r,onPick:o}){return l`<g class=${o?"bar pick":"bar"} onClick=${o&&(()=>o(t.label))}>
    <rect class="hit" x="0" y=${t.y-(n.narrow?18:4)} width=${n.width} height=${t.height+(n.narrow?22:8)} />
    <text class=${n.narrow?"bar-label narrow":"bar-label"} x=${t.labelX} y=${t.labelY} text-anchor=${n.narrow?"start":"end"}>
      ${t.shown}${t.shown===t.label?null:l`<title>${t.label}</title>`}
    </text>
    ${t.segments.map(s=>s.value>0&&l`<g>
          <title>${r.length>1?`${t.label}, ${r[s.series]}: `:`${t.label}: `}${w(s.value)}</title>
          <rect class="series-${s.series}" x=${s.x} y=${t.y} width=${s.width} height=${t.height} />
          <rect class="seam" fill="url(#${e}-${s.series})" x=${s.x} y=${t.y} width=${s.width} height=${t.height} />
          ${r.length>1&&s.told&&l`<text class=${s.series?"value":"value first"} x=${s.x+s.width/2} y=${t.y+t.height/2} text-anchor="middle">
            ${w(s.value)}
          </text>`}
        </g>`)}
    <text class="total" x=${t.totalX} y=${t.y+t.height/2}>${w(t.total)}</text>
  </g>`}function Vn({id:e,label:t,series:n}){return l`<ul class="legend" aria-label=${t}>
    ${n.map((r,o)=>l`<li>
        <svg class="chart-swatch" width="22" height="14" aria-hidden="true">
          <${Kn} id="${e}-legend" count=${n.length} />
          <rect class="series-${o}" width="22" height="14" />
          <rect class="seam" fill="url(#${e}-legend-${o})" width="22" height="14" />
        </svg>
        ${r}
      </li>`)}
  </ul>`}var Kn=({id:e,count:t})=>l`<defs>
  ${Co.slice(0,t).map((n,r)=>l`<pattern id="${e}-${r}" class="pattern" width="8" height="8" patternUnits="userSpaceOnUse">
      ${n}
    </pattern>`)}
</defs>`,Mo=({line:e,top:t,bottom:n,narrow:r,bars:o})=>r?o.map(({y:s,height:i})=>`M${e} ${s-3}v${i+6}`):[`M${e} ${t-8}V${n}`];function Eo(e){let t=document.createElement("canvas").getContext("2d");return t.font=`600 13px ${getComputedStyle(e).fontFamily}`,n=>t.measureText(n).width}function Po(){let e=M(null),[t,n]=k(0);return Ie(()=>{let r=()=>n(Math.floor(e.current.clientWidth)),o=new ResizeObserver(r);return o.observe(e.current),r(),()=>o.disconnect()},[]),[e,t]}function Jn({data:e,view:t,title:n}){let r=w(e.mean,{maximumFractionDigits:1}),o=i=>w(i-e.mean,{maximumFractionDigits:1,signDisplay:"always"}),[s]=e.rows;return s?l`
    <p>${a("metrics.departments-above-mean.told",{count:e.rows.length,departments:e.departments,mean:r})}</p>
    ${t==="chart"?l`<${ut} id="mean" title=${n}
          description=${a("metrics.departments-above-mean.described",{mean:r,most:s.department,count:s.hired})}
          rows=${e.rows.map(i=>({label:i.department,values:[i.hired]}))} series=${[a("metrics.hired")]}
          line=${{value:e.mean,label:a("metrics.departments-above-mean.mean",{mean:r})}} />`:l`<${q} caption=${n} rows=${e.rows} id=${i=>i.id} columns=${[{key:"department",label:a("metrics.department")},{key:"id",label:a("metrics.number"),numeric:!0,cell:i=>i.id},{key:"hired",label:a("metrics.hired"),numeric:!0},{key:"over",label:a("metrics.over"),numeric:!0,cell:i=>o(i.hired)},{key:"share",label:a("metrics.share"),numeric:!0,cell:i=>Pe(i.hired/e.hires,1)}]} />`}`:l`<${K} icon="metrics" title=${a("metrics.departments-above-mean.none",{mean:r})} />`}var Re=["Q1","Q2","Q3","Q4"],Zn=25;function Xn({data:e,view:t,title:n,query:r}){let[o,s]=k("hires"),i=ct(e.rows,"department",Re),c=f=>o==="name"?f:[...f].sort(($,p)=>$e(p.values)-$e($.values)),d=i.find(f=>f.label===r.department),u=f=>V("/metrics",{...r,department:f},{replace:!0}),m=Re.map((f,$)=>a("metrics.quarter",{number:$+1}));return l`
    <p>${a("metrics.hires-by-quarter.told",{hires:$e(i.flatMap(f=>f.values)),departments:i.length,jobs:new Set(e.rows.map(f=>f.job)).size})}</p>
    <div class="filters">
      ${t==="chart"&&l`<div class="field"><label for="hires-scope">${a("metrics.hires-by-quarter.scope")}</label>
        <${A} id="hires-scope" value=${d?.label??""} onChange=${u}
          options=${[["",a("metrics.hires-by-quarter.departments")],...i.map(({label:f})=>[f,Qn(f)])]} /></div>`}
      <div class="field"><label for="hires-order">${a("metrics.order")}</label>
        <${A} id="hires-order" value=${o} onChange=${s} options=${[["hires",a("metrics.order.hires")],["name",a("metrics.order.name")]]} /></div>
      ${t==="chart"&&l`<${Vn} id="hires" label=${a("metrics.legend")} series=${m} />`}
    </div>
    ${t==="chart"?l`<${Oo} key=${d?.label} title=${`${n}: ${d?Qn(d.label):a("metrics.hires-by-quarter.departments")}`}
          bars=${c(d?ct(d.rows,"job",Re):i)} series=${m} onPick=${d?void 0:u} />`:l`<${Lo} caption=${n} departments=${c(i)} sorted=${c} />`}`}var Qn=e=>a("metrics.hires-by-quarter.jobs",{department:e});function Oo({title:e,bars:t,series:n,onPick:r}){let[o,s]=k(!1),i=t.reduce((c,d)=>$e(d.values)>$e(c.values)?d:c);return l`
    <${ut} id="hires" title=${e} rows=${o?t:t.slice(0,Zn)} series=${n} onPick=${r}
      description=${a("metrics.hires-by-quarter.described",{most:i.label,count:$e(i.values)})} />
    ${t.length>Zn&&!o&&l`<div class="actions"><${g} onClick=${()=>s(!0)}>${a("metrics.more",{count:t.length})}<//></div>`}
    ${r&&l`<p class="hint">${a("metrics.hires-by-quarter.hint")}</p>`}`}function Lo({caption:e,departments:t,sorted:n}){let[r,o]=k(new Set),s=c=>{let d=new Set(r);d.delete(c)||d.add(c),o(d)},i=r.size===t.length;return l`
    <div class="actions"><${g} onClick=${()=>o(new Set(i?[]:t.map(c=>c.label)))}>
      ${a(i?"metrics.collapse.all":"metrics.expand.all")}<//></div>
    <div class="table-frame" role="region" aria-label=${e} tabindex="0">
      <table class="quarters">
        <caption class="visually-hidden">${e}</caption>
        <thead><tr>
          <th scope="col">${a("metrics.department")} / ${a("metrics.job")}</th>
          ${Re.map((c,d)=>l`<th key=${c} scope="col" class="numeric">
            <abbr title=${a("metrics.quarter",{number:d+1})}>${c}</abbr></th>`)}
          <th scope="col" class="numeric">${a("metrics.total")}</th>
        </tr></thead>
        ${t.map(c=>l`<tbody key=${c.label}>
          <tr><th scope="row"><button type="button" class="expand" aria-expanded=${r.has(c.label)} onClick=${()=>s(c.label)}>${c.label}</button></th>
            ${Bt(c.values)}</tr>
          ${r.has(c.label)&&n(ct(c.rows,"job",Re)).map(d=>l`
            <tr key=${d.label} class="inner"><th scope="row">${d.label}</th>${Bt(d.values)}</tr>`)}
        </tbody>`)}
        <tfoot><tr><th scope="row">${a("metrics.total")}</th>${Bt(Re.map((c,d)=>$e(t.map(u=>u.values[d]))))}</tr></tfoot>
      </table>
    </div>`}var Bt=e=>[...e,$e(e)].map((t,n)=>l`<td key=${n} class=${t?"numeric":"numeric none"}>${w(t)}</td>`);var Ro={"hires-by-quarter":Xn,"departments-above-mean":Jn};function Yn({query:e}){let t=E(async o=>(await T("metrics",{},{signal:o})).metrics,[]),n=t.data?.[0]?.parameters[0]?.default,r=/^[1-9]\d{0,3}$/.test(e.year)?Number(e.year):n;return l`<${B} title=${a("metrics.title")} actions=${r&&l`<${No} year=${r} query=${e} />`}>
    <${N} from=${t}>
      ${o=>o.length?o.map(s=>l`<${Ao} key=${s.name} ...${{metric:s,year:r,query:e}} />`):l`<${K} icon="metrics" title=${a("metrics.none")} />`}
    <//>
  <//>`}function No({year:e,query:t}){let n=o=>V("/metrics",{...t,year:o},{replace:!0}),r=o=>o.currentTarget.value&&o.currentTarget.checkValidity()&&n(o.currentTarget.value);return l`<div class="year" role="group" aria-label=${a("metrics.year")}>
    <${g} icon="left" aria-label=${a("metrics.year.previous")} disabled=${e<=1} onClick=${()=>n(e-1)} />
    <input class="input" type="number" min="1" max="9999" aria-label=${a("metrics.year")} value=${e} onChange=${r} />
    <${g} icon="right" aria-label=${a("metrics.year.next")} disabled=${e>=9999} onClick=${()=>n(e+1)} />
  </div>`}function Ao({metric:e,year:t,query:n}){let{name:r}=e,o=Ro[r],[s,i]=k("chart"),c=E(p=>T(`metrics/${r}`,{year:t},{signal:p}),[r,t]),[d,u]=F(p=>Ee(`metrics/${r}`,{query:{year:t,format:p},name:`${r}-${t}.${p}`})),m=O(`metrics.${r}`,e.title),f=p=>l`<${g} kind="quiet small" icon="download" disabled=${u.busy} onClick=${()=>d(p)}
    aria-label=${a("metrics.download",{metric:m,year:String(t),format:a(`metrics.${p}`)})}>${a(`metrics.${p}`)}<//>`,$=l`
    ${o&&l`<div class="segments" role="group" aria-label=${a("metrics.view")}>
      ${["chart","table"].map(p=>l`<button key=${p} type="button" aria-pressed=${p===s} onClick=${()=>i(p)}>
        <${Z} name=${p==="chart"?"metrics":"table"} />${a(`metrics.${p}`)}</button>`)}</div>`}
    <span class="pair">${f("csv")}${o&&f("svg")}</span>`;return l`<${H} title=${m} actions=${$}>
    <p class="hint card-lead">${O(`metrics.${r}.lead`,e.description)}</p>
    ${u.error&&l`<${L} error=${u.error} />`}
    <${N} from=${c} rows=${8}>
      ${p=>p.rows.length===0&&!p.hires?l`<${K} icon="metrics" title=${a("metrics.empty",{year:String(t)})}>${a("metrics.empty.hint")}<//>`:o?l`<${o} ...${{data:p,view:s,query:n}} title=${`${m}, ${t}`} />`:l`<${q} caption=${m} rows=${p.rows} columns=${e.columns.map(Do)} />`}
    <//>
  <//>`}var Do=({name:e,type:t})=>({key:e,label:e,numeric:t==="integer"||t==="number"});var Io=300,jo=Intl.DateTimeFormat().resolvedOptions().timeZone;function er({tables:e,choice:t,busy:n,onChange:r,onDone:o}){let s=t.table===null,i=E(async p=>(await T("backups",{table:t.table,limit:Io},{signal:p})).backups,[t.table]),c=s?p=>Fo(p,e.length):p=>p.map(Bo),d=i.data&&c(i.data),u=t.id??d?.[0]?.[0],m=d?.length===0&&!t.id,f=p=>{p.preventDefault(),o({...t,id:u})},$=(p,h)=>l`<${dt} name="from" value=${p} label=${a(s?`${h}.snapshot`:h)} checked=${t.from===p}
    disabled=${n} onPick=${()=>r({from:p,id:p==="chosen"?u:t.id})} />`;return l`<${H}><form class="stack" onSubmit=${f}>
    <fieldset class="choices"><legend>${a("restore.what")}</legend>
      <div class="choice-line">
        <${dt} name="what" value="table" label=${a("restore.table")} checked=${!s} disabled=${n}
          onPick=${()=>s&&r({table:e[0].name,id:null})} />
        ${!s&&l`<${A} aria-label=${a("restore.of")} value=${t.table} disabled=${n}
          options=${e.map(p=>[p.name,p.title||p.name])} onChange=${p=>r({table:p,id:null})} />`}
      </div>
      <${dt} name="what" value="snapshot" label=${a("restore.snapshot")} checked=${s} disabled=${n}
        onPick=${()=>s||r({table:null,id:null})} />
    </fieldset>
    <fieldset class="choices"><legend>${a("restore.from")}</legend>
      ${$("newest","restore.newest")}
      <div class="choice-line">
        ${$("chosen","restore.chosen")}
        ${t.from==="chosen"&&u&&l`<${A} aria-label=${a("restore.backup")} value=${u} disabled=${n}
          options=${Uo(d??[],u)} onChange=${p=>r({id:p})} />`}
      </div>
      <${dt} name="from" value="moment" label=${a("restore.as_of")} checked=${t.from==="moment"} disabled=${n} onPick=${()=>r({from:"moment"})} />
      ${t.from==="moment"&&l`<${le} id="restore-moment" label=${a("restore.moment",{zone:jo})} hint=${a("restore.moment.hint")}>
        ${p=>l`<input ...${p} class="input" type="datetime-local" required disabled=${n} value=${t.moment}
          onInput=${h=>r({moment:h.currentTarget.value})} />`}<//>`}
    </fieldset>
    ${i.error&&l`<${L} error=${i.error} retry=${i.reload} />`}
    ${m&&l`<${D} kind="warning" title=${a("restore.none")} actions=${l`<${g} href=${S("/backups")}>${a("restore.none.link")}<//>`} />`}
    <div class="actions"><${g} kind="primary" icon="search" type="submit" busy=${n} disabled=${m||t.from==="chosen"&&!u}>${a("restore.preview")}<//></div>
  </form><//>`}var dt=({name:e,value:t,label:n,checked:r,disabled:o,onPick:s})=>l`<label class="choice">
  <input type="radio" name=${e} value=${t} checked=${r} disabled=${o} onChange=${s} /><span>${n}</span></label>`,Bo=e=>[e.id,tr(e.created,e.rows)],tr=(e,t)=>a("restore.option",{moment:J(e),count:t}),Uo=(e,t)=>e.some(([n])=>n===t)?e:[[t,t],...e];function Fo(e,t){let n=new Map;for(let r of e)n.set(r.snapshot,[...n.get(r.snapshot)??[],r]);return[...n].filter(([,r])=>r.length===t).map(([r,o])=>[r,tr(o[0].created,o.reduce((s,i)=>s+i.rows,0))])}var Ut=["inserted","updated","deleted"],nr=["unchanged",...Ut],rr={inserted:"+",updated:"~",deleted:"−"},sr=e=>e.inserted+e.updated+e.deleted>0,Ft=({reports:e,title:t,caption:n,done:r=!1})=>l`
  <div class="table-frame" role="region" aria-label=${n} tabindex="0">
    <table class="differences">
      <caption class="visually-hidden">${n}</caption>
      <thead><tr>
        <th scope="col">${a("tables.table")}</th>
        <th scope="col" class="numeric">${a(r?"restore.before":"restore.now")}</th>
        <th scope="col" class="numeric">${a("restore.inserted")}</th>
        <th scope="col" class="numeric">${a("restore.updated")}</th>
        <th scope="col" class="numeric">${a("restore.deleted")}</th>
        <th scope="col" class="numeric">${a("restore.unchanged")}</th>
        <th scope="col" class="numeric">${a("restore.afterwards")}</th>
      </tr></thead>
      <tbody>${e.map(o=>l`<tr key=${o.table}>
        <th scope="row">${t[o.table]??o.table}<${Ho} report=${o} />
          <span class="at-a-glance" aria-hidden="true">${w(or(o))} → ${w(o.rows)}
            ${Ut.filter(s=>o[s]).map(s=>l`<b key=${s} class=${s}>${rr[s]}${w(o[s])}</b>`)}</span>
          ${o.notes.map(s=>l`<p class="hint">${s}</p>`)}</th>
        <td class="numeric">${w(or(o))}</td>
        ${Ut.map(s=>l`<td key=${s} class="numeric ${o[s]?`changed ${s}`:"none"}">
          ${o[s]?`${rr[s]}${w(o[s])}`:"0"}</td>`)}
        <td class="numeric">${w(o.unchanged)}</td>
        <td class="numeric strong">${w(o.rows)}</td>
      </tr>`)}</tbody>
    </table>
  </div>`,or=e=>e.unchanged+e.updated+e.deleted;function Ho({report:e}){let t=Math.max(1,nr.reduce((r,o)=>r+e[o],0)),n=0;return l`<svg class="shares" aria-hidden="true" width="100%" height="8">
    ${nr.map(r=>{let o=100*n/t;return n+=e[r],e[r]>0&&l`<rect key=${r} class=${r} x="${o}%" width="${Math.max(100*e[r]/t,.6)}%" height="8" />`})}
  </svg>`}function ar({query:e}){let t=oe();return l`<${B} title=${a("restore.title")} lead=${a("restore.lead")} back=${{href:S("/backups"),label:a("backups.title")}}>
    ${G("operate")?l`<${N} from=${t}>${n=>l`<${qo} key=${JSON.stringify(e)} tables=${n} query=${e} />`}<//>`:l`<${D} kind="warning" title=${a("restore.forbidden")} />`}
  <//>`}function qo({tables:e,query:t}){let[n,r]=k({table:t.snapshot?null:t.table??e[0].name,from:t.backup||t.snapshot?"chosen":"newest",id:t.backup??t.snapshot??null,moment:""}),o=Se(),s=Se(),i=u=>u.run?.state==="succeeded"?u.run.result.tables:null,c=n.table===null?"restores":`tables/${encodeURIComponent(n.table)}/restores`,d=Object.fromEntries(e.map(u=>[u.name,u.title||u.name]));return i(s)?l`<${Ko} reports=${i(s)} title=${d} />`:l`
    <${er} ...${{tables:e,choice:n}} busy=${o.busy||s.busy}
      onChange=${u=>{o.clear(),s.clear(),r({...n,...u})}}
      onDone=${u=>{s.clear(),r(u),o.order(c,{...Wo(u),dry_run:!0})}} />
    <${Ce} of=${o} label=${a("restore.previewing")}>
      ${i(o)&&l`<${Go} reports=${i(o)} title=${d}>
        <${Vo} word=${n.table??a("restore.confirm.word")} table=${n.table&&d[n.table]} busy=${s.busy}
          onConfirm=${()=>s.order(c,()=>zo(n,i(o)))} />
      <//>`}
    <//>
    <${Ce} of=${s} label=${a("restore.restoring")} />`}function Wo({table:e,from:t,id:n,moment:r}){return t==="newest"?{}:t==="moment"?{as_of:new Date(r).toISOString()}:e===null?{snapshot:n}:{backup:n}}async function zo({table:e},[{backup:t}]){return e===null?{snapshot:(await T(`backups/${t}`)).snapshot}:{backup:t}}function Go({reports:e,title:t,children:n}){let r=e.reduce((o,s)=>o+s.deleted,0);return l`<${lr} title=${a("restore.difference")}>
    <${Ft} reports=${e} title=${t} caption=${a("restore.difference.caption")} />
    ${e.some(sr)?l`${r>0&&l`<${D} kind="warning" title=${a("restore.warning",{count:r})} />`}${n}`:l`<${D} kind="good" title=${a("restore.same",{count:e.length})} />`}
  <//>`}function Vo({word:e,table:t,busy:n,onConfirm:r}){let[o,s]=k(""),i=o.trim()===e;return l`<form class="confirm" onSubmit=${d=>{d.preventDefault(),i&&r()}}>
    <p>${a("restore.confirm.hint")}</p>
    <${le} id="confirm"
      label=${t?a("restore.confirm.table",{word:e}):a("restore.confirm.snapshot",{word:e})}>
      ${d=>l`<input ...${d} class="input mono" autocomplete="off" autocapitalize="off" spellcheck="false" disabled=${n}
        value=${o} onInput=${u=>s(u.currentTarget.value)} />`}
    <//>
    <${g} kind="danger" type="submit" disabled=${!i} busy=${n}>
      ${t?a("restore.restore.table",{table:t}):a("restore.restore.snapshot")}<//>
  </form>`}var Ko=({reports:e,title:t})=>l`<${lr} title=${a("restore.done")}>
  <${D} kind="good" title=${a("restore.over",{count:e.length})} />
  <${Ft} reports=${e} title=${t} caption=${a("restore.done.caption")} done />
  <div class="actions">
    ${e.map(({table:n})=>l`<${g} key=${n} icon="table" href=${de(n)}>${t[n]}<//>`)}
    <${g} icon="metrics" href=${S("/metrics")}>${a("metrics.title")}<//>
  </div>
<//>`;function lr({title:e,children:t}){let n=M();return I(()=>n.current.focus(),[]),l`<div class="found" ref=${n} tabindex="-1" role="group" aria-label=${e}><${H} title=${e}>${t}<//></div>`}var Jo=3,Zo=600,Qo=5e3,Xo=["succeeded","failed","refused","duplicate"],se=e=>Xo.includes(e.state),te=Q([]),Yo=0;tt(()=>te.set([]));var Ht=()=>X(te),_e=(e,t)=>te.set(te.get().map(n=>n.id===e?{...n,...t}:n));function ir(e,t=""){let n=[...e].map(r=>({id:++Yo,file:r,table:t,state:"chosen",share:0,run:null,error:null,wrong:/\.(csv|xlsx)$/i.test(r.name)?null:"kind"}));te.set([...te.get(),...n])}var cr=e=>te.set(te.get().filter(t=>t.id!==e)),ur=(e,t)=>_e(e,{table:t}),dr=()=>te.set(te.get().filter(e=>e.state!=="over"));function $r(e){for(let{id:t,state:n,wrong:r}of te.get())n==="chosen"&&!r&&_e(t,{state:"queued",options:e});qt()}function pr(e){_e(e,{state:"queued",share:0,error:null,run:null}),qt()}function qt(){let e=te.get().filter(({state:n})=>n==="sending").length,t=te.get().filter(({state:n})=>n==="queued");for(let n of t.slice(0,Math.max(Jo-e,0)))es(n)}async function es({id:e,file:t,table:n,options:r}){_e(e,{state:"sending"});try{let o=await ie("uploads",{filename:t.name,...n?{table:n}:{},...r});_e(e,{since:Date.now()}),await xn(o,t,s=>_e(e,{share:s})),_e(e,{state:"loading",share:1,run:{id:o.run,state:"queued",phase:""}}),ts(e,o.run)}catch(o){_e(e,{state:"over",error:o})}qt()}async function ts(e,t){for(let n=Zo;;n=Math.min(n*1.4,Qo)){if(await ns(n),!te.get().some(r=>r.id===e))return;try{let r=await T(`runs/${t}`);if(_e(e,{run:r,error:null,...se(r)?{state:"over"}:{}}),se(r))return}catch(r){if(r.status===401||r.status===403)return}}}async function ns(e){await new Promise(t=>setTimeout(t,e)),document.hidden&&await new Promise(t=>document.addEventListener("visibilitychange",t,{once:!0}))}var $t=new Map;tt(()=>$t.clear());function mr(e){return $t.has(e)||$t.set(e,Q({})),$t.get(e)}var pe=({table:e,row:t})=>`${e}.${t}`,rs={cells:{},send:!1,state:null,reasons:null,run:null};function fr(e,t,n){let r=e.get(),o=r[pe(t)]??{...rs,table:t.table,row:t.row};e.set({...r,[pe(t)]:{...o,...n}})}function pt(e,t,n,r){let{[n]:o,...s}=e.get()[pe(t)]?.cells??{},i=r===(t.cells[n]??"");fr(e,t,{cells:i?s:{...s,[n]:r}})}var hr=(e,t,n)=>fr(e,t,{send:n});function br(e){e.set(Object.fromEntries(Object.entries(e.get()).filter(([,t])=>t.state==="in")))}var Wt=e=>Object.values(e).filter(t=>t.state!=="in"&&(t.send||Object.keys(t.cells).length>0));async function _r(e,t,n){let r=Wt(t.get()),o={};for(let{table:u,row:m,cells:f}of r){let $=Object.entries(f).map(([p,h])=>[p,h===""?null:h]);(o[u]??=[]).push({...Object.fromEntries($),row:m})}let s=e.table===null?o:o[e.table],i=await ie(`runs/${e.id}/replay`,s,{query:{on_conflict:n},accept:[422]}),c=new Map;for(let u of i.rejections){let m=pe({table:u.table??e.table,row:u.row});c.set(m,[...c.get(m)??[],u])}let d={...t.get()};for(let u of r){let m=c.get(pe(u));d[pe(u)]=m?{...u,state:"bad",send:!1,reasons:m}:{...u,state:"in",run:i.run}}return t.set(d),i}var os=50;function vr({run:e}){let t=mr(e.id),n=X(t),[r,o]=k([]),s=r.at(-1),i=E(u=>T(`runs/${e.id}/rejections`,{limit:os,after:s},{signal:u}),[e.id,s]),c=oe(),d=G("operate");return l`<${H} title=${a("grid.title")} class="grid-card">
    <p class="hint">${d?a("grid.help"):a("grid.forbidden")}</p>
    <${N} from=${c.data?i:c} rows=${6}>${()=>i.data&&l`
      ${ss(i.data.rejections,c.data).map(({table:u,rows:m,columns:f})=>l`<${ls} key=${`${u} ${s}`}
        table=${u} rows=${m} columns=${f} corrections=${t} all=${n} editable=${d} named=${e.table===null} />`)}
      ${(s||i.data.next)&&l`<${Le} back=${s&&(()=>o(r.slice(0,-1)))} on=${i.data.next&&(()=>o([...r,i.data.next]))}>
        ${a("page",{number:r.length+1})}<//>`}`}<//>
    ${d&&l`<${us} run=${e} corrections=${t} all=${n} />`}
  <//>`}function ss(e,t){return[...Map.groupBy?.(e,({table:r})=>r)??as(e)].map(([r,o])=>{let s=t.find(({name:d})=>d===r)?.columns??[],c=[...new Set(o.flatMap(({cells:d})=>Object.keys(d)))].filter(d=>!s.some(u=>u.name===d));return{table:r,rows:o,columns:[...s,...c.map(d=>({name:d,extra:s.length>0}))]}})}function as(e){let t=new Map;for(let n of e)t.set(n.table,[...t.get(n.table)??[],n]);return t}function ls({table:e,rows:t,columns:n,corrections:r,all:o,editable:s,named:i}){let[c,d]=k(()=>({row:0,column:Math.max(n.findIndex(({name:_})=>t[0].reasons.some(C=>C.column===_)),0)})),[u,m]=k(null),f=M(null),$=M(),p=M(!1),h=_=>{f.current=_,m(_)},v=_=>s&&!_.corrected_by&&o[pe(_)]?.state!=="in";Ie(()=>{if(!p.current)return;p.current=!1;let _=$.current.querySelector(`[data-at="${c.row}-${c.column}"]`);(_?.querySelector("input")??_)?.focus()});let x=(_,C)=>{p.current=!0,d({row:Math.max(0,Math.min(_,t.length-1)),column:Math.max(0,Math.min(C,n.length-1))})},y=_=>{let C=t[c.row],P=n[c.column];!v(C)||P.extra||(p.current=!0,h(_??gr(C,P.name,o)))},b=()=>{f.current!==null&&pt(r,t[c.row],n[c.column].name,f.current.trim()),h(null)},W=()=>{h(null),x(c.row,c.column)};function z(_){if(!_.target.closest("[data-at]")||_.isComposing)return;let{row:C,column:P}=c,me={ArrowUp:[C-1,P],ArrowDown:[C+1,P],ArrowLeft:[C,P-1],ArrowRight:[C,P+1],Home:[_.ctrlKey?0:C,0],End:[_.ctrlKey?t.length-1:C,n.length-1]};if(u!==null)if(_.key==="Enter")b(),x(C+(_.shiftKey?-1:1),P);else if(_.key==="Escape")W();else if(_.key==="Tab"){let ae=C*n.length+P+(_.shiftKey?-1:1);if(b(),ae<0||ae>=t.length*n.length)return;x(Math.floor(ae/n.length),ae%n.length)}else return;else if(me[_.key])x(...me[_.key]);else if(_.key==="Enter"||_.key==="F2")y();else if((_.key==="Delete"||_.key==="Backspace")&&v(t[C])&&!n[P].extra)pt(r,t[C],n[P].name,"");else if(_.key==="Escape"&&v(t[C]))pt(r,t[C],n[P].name,t[C].cells[n[P].name]??"");else if(_.key.length===1&&_.key!==" "&&!_.ctrlKey&&!_.metaKey&&!_.altKey)y(_.key);else return;_.preventDefault(),_.stopPropagation()}return l`${i&&l`<h3>${e}</h3>`}
    <div class="table-frame" ref=${$}>
    <table class="grid" role="grid" aria-label=${a("grid.of",{table:e})} aria-rowcount=${t.length+1} onKeyDown=${z}>
      <thead><tr role="row"><th role="columnheader" scope="col" class="grid-row-head">${a("grid.row")}</th>
        ${n.map(_=>l`<th key=${_.name} role="columnheader" scope="col">${_.name}
          <span class="cell-sub">${_.extra?a("grid.extra"):_.type?`${_.type}${_.required?` · ${a("grid.required")}`:""}`:""}</span></th>`)}</tr></thead>
      <tbody>${t.map((_,C)=>l`<${is} key=${_.row} ...${{row:_,index:C,columns:n,corrections:r,open:v(_),correction:o[pe(_)]}}
        at=${c.row===C?c.column:null} tab=${c.row===C} draft=${c.row===C?u:null}
        onDraft=${h} onCommit=${b}
        onReach=${P=>{u!==null&&(c.row!==C||c.column!==P)&&b(),d({row:C,column:P})}}
        onBegin=${P=>{d({row:C,column:P}),v(_)&&!n[P].extra&&u===null&&(p.current=!0,h(gr(_,n[P].name,o)))}} />`)}</tbody>
    </table></div>`}var gr=(e,t,n)=>n[pe(e)]?.cells[t]??e.cells[t]??"";function is({row:e,index:t,columns:n,corrections:r,open:o,correction:s,at:i,draft:c,onDraft:d,onCommit:u,onReach:m,onBegin:f}){let $=s?.reasons??e.reasons,p=e.corrected_by??(s?.state==="in"?s.run:null),h=y=>$.filter(b=>b.column===y),v=Object.keys(s?.cells??{}).length>0,x=$.filter(y=>!n.some(({name:b})=>b===y.column));return l`<tr role="row" class=${p?"row-in":s?.state==="bad"?"row-bad":null}>
    <th role="rowheader" scope="row" class="grid-row-head">
      <label class="grid-choice">${o&&l`<input type="checkbox" checked=${v||s?.send} disabled=${v} onChange=${y=>hr(r,e,y.currentTarget.checked)} />`}
        <span>${e.row}<span class="visually-hidden"> ${a("grid.choose")}</span></span></label>
      ${e.line!==null&&e.line!==e.row&&l`<span class="cell-sub">${a("grid.line",{line:e.line})}</span>`}
      ${p?l`<a href=${S(`/runs/${p}`)}><${ee} kind="good">${a("grid.in")}<//></a>`:s?.state==="bad"&&l`<${ee} kind="bad">${a("grid.bad")}<//>`}
      ${!p&&x.map(y=>l`<span class="why" key=${y.message}>${y.message}</span>`)}
    </th>
    ${n.map((y,b)=>l`<${cs} key=${y.name} ...${{column:y,row:e,open:o&&!y.extra,index:t,number:b}}
      edited=${s?.cells[y.name]} resent=${s?.state==="bad"} reasons=${p?[]:h(y.name)} active=${i===b}
      reachable=${i===b} draft=${i===b?c:null} onDraft=${d} onCommit=${u}
      onReach=${()=>m(b)} onBegin=${()=>f(b)} />`)}
  </tr>`}function cs({column:e,row:t,open:n,index:r,number:o,edited:s,resent:i,reasons:c,active:d,draft:u,onDraft:m,onCommit:f,onReach:$,onBegin:p}){let h=M(!1),v=t.cells[e.name]??null,x=s??v,y=s!==void 0&&!i,b=c.length>0&&!y,W=[b&&"wrong",s!==void 0&&"edited",e.extra&&"extra",n&&"open"].filter(Boolean).join(" ");return l`<td role="gridcell" data-at="${r}-${o}" data-label=${e.name} class=${W} tabindex=${d?0:-1} aria-readonly=${n?null:"true"}
      aria-invalid=${b?"true":null} onFocus=${$} onDblClick=${p}
      onMouseDown=${z=>{h.current=document.activeElement===z.currentTarget}} onClick=${()=>{n&&h.current&&u===null&&p()}}>
    ${u!==null?l`<input class="cell-input" aria-label=${e.name} value=${u} onInput=${z=>m(z.currentTarget.value)} onBlur=${f}
        autocomplete="off" spellcheck="false" />`:l`<span class="cell-value">${x===null||x===""?l`<span class="none">${a("grid.blank")}</span>`:x}</span>
      ${s!==void 0&&l`<span class="cell-before"><span class="visually-hidden">${a("grid.before")} </span><s>${v??a("grid.blank")}</s></span>`}
      ${!y&&c.map(z=>l`<span class="why" key=${z.message}>${z.message}</span>`)}`}
  </td>`}function us({run:e,corrections:t,all:n}){let[r,o]=k("reject"),[s,i]=k(null),[c,{busy:d,error:u,clear:m}]=F(async()=>{let $=await _r(e,t,r);i({...$,all:t.get()}),ue(yr($))}),f=je(()=>Wt(n).length,[n]);return I(()=>{f>0&&u&&m()},[n]),l`<div class="send-dock">
    ${s?.all===n&&l`<${D} kind=${s.rejected?"warning":"good"} title=${yr(s)}
      actions=${l`<a href=${S(`/runs/${s.run}`)}>${a("run.open")}</a>`}>${s.rejected>0&&l`<p>${a("grid.kept")}</p>`}<//>`}
    <${L} error=${u} />
    ${f>0&&l`<div class="send-bar">
      <span class="send-text">${a("grid.changed",{count:f})}</span>
      <label class="send-option"><span>${a("upload.onConflict")}</span><${A} value=${r} onChange=${o}
        options=${["reject","skip","update"].map($=>[$,a(`onConflict.${$}`)])} /></label>
      <div class="actions"><${g} kind="quiet" disabled=${d} onClick=${()=>br(t)}>${a("grid.discard")}<//>
        <${g} kind="primary" icon="upload" busy=${d} onClick=${c}>${a("grid.send",{count:f})}<//></div>
    </div>`}</div>`}var yr=({read:e,rejected:t})=>t===0?a("grid.all",{count:e}):a("grid.some",{good:e-t,bad:t});function kr({params:e}){let t=E(r=>T(`runs/${e.run}`,{},{signal:r}),[e.run],{busy:r=>!se(r)}),n=t.data;return l`<${B} title=${n?Ue(n):a("run")} back=${{href:S("/runs"),label:a("runs.title")}}
      lead=${n&&l`<span class="run-lead"><${Oe} run=${n} /> ${O(`kind.${n.kind}`,n.kind)}${n.table&&` · ${n.table}`} · ${J(n.created)}</span>`}
      actions=${n&&se(n)&&n.source&&G("operate")&&l`<${_s} run=${n} />`}>
    <${N} from=${t}>${r=>l`<${ds} run=${r} />`}<//>
  <//>`}function ds({run:e}){let t=["load","batch","replay"].includes(e.kind);return l`
    ${!se(e)&&l`<${$s} run=${e} />`}
    ${e.error&&l`<${D} kind="bad" title=${O(`run.error.${e.state}`,a("run.error.failed"))}>
      <p>${e.error.detail}</p>${e.error.hint&&l`<p>${e.error.hint}</p>`}<//>`}
    ${e.note&&l`<${D}><p>${e.note}</p><//>`}
    ${se(e)&&l`<${ms} run=${e} />`}
    ${t&&e.rejected>0&&l`<${fs} run=${e} />`}
    <${gs} run=${e} />`}function $s({run:e}){let t=ps(e),{progress:n,expected:r}=e;return l`<${H}><div class="stack" aria-live="polite">
    <h2>${xe(e.phase||e.state)}</h2>
    <${ke} label=${a("run.progress")} share=${r?Math.min(1,n/r):null} />
    <dl class="stats">
      <${be} label=${a("run.progress")} value=${e.progress??0} />
      <${be} label=${a("run.rate")} value=${t===null?"–":a("run.rate.value",{rows:Math.round(t)})} />
      ${r>n&&t>0&&l`<${be} label=${a("run.remaining")} value=${ve((r-n)/t)} />`}
      ${e.started&&l`<${be} label=${a("run.since")} value=${ve((Date.now()-new Date(e.started))/1e3)} />`}
    </dl></div><//>`}function ps({progress:e}){let t=M(null),n=M(null),r=Date.now();return(t.current===null||e!==t.current.progress)&&(t.current&&e>t.current.progress&&(n.current=(e-t.current.progress)*1e3/(r-t.current.now)),t.current={progress:e,now:r}),n.current}var ms=({run:e})=>l`<dl class="stats">
  ${["read","inserted","updated","unchanged"].filter(t=>e[t]||t==="read"||t==="inserted").map(t=>l`<${be} key=${t} label=${a(`run.${t}`)} value=${e[t]} />`)}
  <${be} label=${a("run.rejected")} value=${e.rejected} kind=${e.rejected?"bad":""} />
  <${be} label=${a("run.took")} value=${ve(e.seconds)} />
  ${e.seconds>0&&e.read>0&&l`<${be} label=${a("run.rate")} value=${a("run.rate.value",{rows:Math.round(e.read/e.seconds)})} />`}
</dl>`;function fs({run:e}){let t=E(n=>T(`runs/${e.id}/reasons`,{},{signal:n}),[e.id]);return l`
    <${H} title=${a("reasons.title")} actions=${l`<${bs} run=${e} />`}>
      <${N} from=${t} rows=${2}>${n=>l`<${hs} reasons=${n.reasons} rejected=${e.rejected} byTable=${e.table===null} />`}<//>
    <//>
    <${vr} run=${e} />`}var hs=({reasons:e,rejected:t,byTable:n})=>l`<${q} caption=${a("reasons.title")} rows=${e}
  id=${r=>`${r.table} ${r.column} ${r.code}`} columns=${[{key:"code",label:a("reason"),cell:r=>l`${O(`code.${r.code}`,r.code)}
      <span class="cell-sub">${[n&&r.table,r.column&&l`<code>${r.column}</code>`].filter(Boolean)}</span>`},{key:"rows",label:a("reason.rows"),numeric:!0},{key:"share",label:a("reason.share"),wide:!0,cell:r=>l`<div class="reason-share"><${ke} kind="bad" share=${Math.min(r.rows/t,1)} label=${O(`code.${r.code}`,r.code)} /><span>${Pe(r.rows/t)}</span></div>`}]} />`;function bs({run:e}){let t=i=>Ee(`runs/${e.id}/rejections`,{query:{format:i,redirect:"false"},accept:"application/json"}),[n,r]=F(()=>t("xlsx")),[o,s]=F(()=>t("csv"));return l`<${g} icon="download" busy=${r.busy} onClick=${n}>${a("download.xlsx")}<//>
    <${g} icon="download" busy=${s.busy} onClick=${o}>${a("download.csv")}<//>
    <${L} error=${r.error??s.error} />`}function _s({run:e}){let[t,n]=k(!1),[r,{busy:o,error:s}]=F(async()=>{let i=await ie(`runs/${e.id}/replay`);V(`/runs/${i.id}`)});return l`<${g} icon="again" onClick=${()=>n(!0)}>${a("run.again")}<//>
    ${t&&l`<${Dn} title=${a("run.again.title")} onClose=${()=>n(!1)} actions=${l`
        <${g} onClick=${()=>n(!1)}>${a("cancel")}<//>
        <${g} kind="primary" busy=${o} onClick=${r}>${a("run.again")}<//>`}>
      <p>${a("run.again.text",{file:Ue(e)})}</p><${L} error=${s} /><//>`}`}function gs({run:e}){let t=e.result?.corrects??e.result?.replays,n=[["run.id",l`<code>${e.id}</code>`],t&&["run.of",l`<a href=${S(`/runs/${t}`)}><code>${t}</code></a>`],e.source&&["run.source",l`<code>${e.source.key}</code>`],e.source?.version&&["run.version",l`<code>${e.source.version}</code>`],["run.started",J(e.started)],["run.ended",J(e.ended)],e.dictionary&&["run.dictionary",l`<code>${e.dictionary.slice(0,12)}</code>`]].filter(Boolean);return l`<${H} title=${a("run.details")}><dl class="facts">${n.map(([r,o])=>l`<dt key=${r}>${a(r)}</dt><dd>${o}</dd>`)}</dl><//>`}var ys=25;function wr({query:e}){let t=e.table??"",[n,r]=k([]),o=n.at(-1),s=oe(),i=E(d=>T("runs",{limit:ys,table:t,after:o},{signal:d}),[t,o],{busy:d=>d.runs.some(u=>!se(u))}),c=d=>{r([]),V("/runs",{table:d},{replace:!0})};return l`<${B} title=${a("runs.title")} lead=${a("runs.lead")}
      actions=${l`<${g} icon="again" busy=${i.loading&&i.data!==null} onClick=${i.reload}>${a("refresh")}<//>`}>
    <div class="filters"><${le} id="table" label=${a("table")}>${d=>l`<${A} ...${d} value=${t} onChange=${c}
      options=${[["",a("table.all")],...(s.data??[]).map(({name:u})=>[u,u])]} />`}<//></div>
    <${N} from=${i} rows=${8}>${d=>d.runs.length?l`<${at} runs=${d.runs} caption=${a("runs.title")} />
        ${(o||d.next)&&l`<${Le} back=${o&&(()=>r(n.slice(0,-1)))} on=${d.next&&(()=>r([...n,d.next]))}>
          ${a("page",{number:n.length+1})}<//>`}`:l`<${K} icon="runs" title=${a("runs.none")} action=${l`<${g} kind="primary" href="#/">${a("upload.title")}<//>`}>${a("runs.none.text")}<//>`}<//>
  <//>`}var vs={int4:[-(2**31),2**31-1],int8:[-(2**63),2**63]};function xr({table:e}){let n=(oe().data??[]).flatMap(r=>r.foreign_keys.filter(o=>o.table===e.name).map(o=>({table:r,columns:o.columns})));return l`
    <div class="dictionary">
      <${q} caption=${a("dictionary.caption",{table:e.name})} rows=${e.columns} columns=${ks(e)}
        id=${r=>r.name} />
    </div>
    ${n.length>0&&l`<section class="card">
      <h2>${a("dictionary.children")}</h2>
      <ul class="plain-list">
        ${n.map(r=>l`<li key=${r.table.name}>
            <a href=${Sr(r.table.name)}>${r.table.title||r.table.name}</a>
            <span class="mono hint"> ${r.table.name} (${r.columns.join(", ")})</span>
          </li>`)}
      </ul>
    </section>`}
  `}var Sr=e=>S(`/tables/${encodeURIComponent(e)}/dictionary`),ks=e=>[{key:"name",label:a("dictionary.column"),cell:t=>l`<span class="mono strong">${t.name}</span>
      ${e.primary_key.includes(t.name)&&l` <${ee}>${a("dictionary.primary")}<//>`}`},{key:"type",label:a("dictionary.type"),cell:t=>O(`dictionary.type.${t.type}`,t.type)},{key:"required",label:a("dictionary.required"),cell:t=>a(`dictionary.required.${t.required?"yes":"no"}`)},{key:"constraints",label:a("dictionary.constraints"),cell:t=>xs(t)},{key:"references",label:a("dictionary.references"),cell:t=>ws(e,t)},{key:"description",label:a("dictionary.description"),cell:t=>t.description||zt}],zt=l`<span class="none">–</span>`;function ws(e,t){let n=e.foreign_keys.filter(r=>r.columns.includes(t.name));return n.length?n.map(r=>l`<a class="mono" href=${Sr(r.table)}>${r.table}.${r.references[r.columns.indexOf(t.name)]}</a> `):zt}function xs({type:e,constraints:t}){let n=[Ss(e,t),Cs(t)].filter(Boolean);return t.enum&&n.push(l`${a("dictionary.enum")} ${t.enum.map((r,o)=>l`${o?", ":""}<code>${String(r)}</code>`)}`),t.pattern&&n.push(l`${a("dictionary.pattern")} <code>${t.pattern}</code>`),n.length?n.map((r,o)=>l`${o?l`<br />`:null}${r}`):zt}function Ss(e,{minimum:t,maximum:n}){if(e==="integer"){let o=[Number(t),Number(n)],s=Object.entries(vs).find(([,f])=>f.some($=>o.includes($))),[i,[c,d]]=s??["",[]],[u,m]=[o[0]===c,o[1]===d];if(u&&m)return a(`dictionary.range.${i}`);u&&(t=void 0),m&&(n=void 0)}if(t===void 0&&n===void 0)return null;let r=o=>e==="integer"||e==="number"?w(o,{maximumFractionDigits:20}):o;return n===void 0?a("dictionary.minimum",{minimum:r(t)}):t===void 0?a("dictionary.maximum",{maximum:r(n)}):a("dictionary.range",{minimum:r(t),maximum:r(n)})}function Cs({min_length:e,max_length:t}){return e===void 0&&t===void 0?null:t===void 0?a("dictionary.length.min",{min:e}):e===void 0?a("dictionary.length.max",{max:t}):a("dictionary.length",{min:e,max:t})}var Cr=["eq","gte","lte","gt","lt"],Ts={date:{type:"date"},datetime:{type:"datetime-local",step:1},integer:{inputmode:"numeric"},number:{inputmode:"decimal"}};function Tr({table:e,filters:t,onChange:n}){let[r,o]=k(e.columns[0].name),[s,i]=k("eq"),[c,d]=k(""),u=M(),m=e.columns.find(h=>h.name===r),f=m.type==="boolean"?[!0,!1]:m.constraints.enum,$=f?"eq":s;return l`<div class="row-filters">
    <form class="filter-form" onSubmit=${h=>{h.preventDefault();let v=f?c||String(f[0]):c.trim();if(!v)return u.current.focus();d(""),n({...t,[$==="eq"?r:`${r}__${$}`]:v})}} aria-label=${a("table.filter")}>
      <${A} aria-label=${a("table.filter.column")} value=${r} options=${e.columns.map(h=>[h.name,h.name])}
        onChange=${h=>{o(h),d("")}} />
      <${A} aria-label=${a("table.filter.operator")} value=${$}
        options=${(f?["eq"]:Cr).map(h=>[h,a(`table.operator.${h}`)])} onChange=${i} />
      ${f?l`<${A} aria-label=${a("table.filter.value")} value=${c||String(f[0])}
            options=${f.map(h=>[String(h),m.type==="boolean"?a(`table.${h}`):String(h)])} onChange=${d} />`:l`<input class="input" ref=${u} ...${Ts[m.type]??{}} key=${m.type} aria-label=${a("table.filter.value")}
            placeholder=${a("table.filter.value")} value=${c} onInput=${h=>d(h.currentTarget.value)} />`}
      <${g} type="submit" icon="search">${a("table.filter")}<//>
    </form>
    ${Object.keys(t).length>0&&l`<ul class="chips" aria-label=${a("table.filter.active")}>
      ${Object.entries(t).map(([h,v])=>{let x=Ms(e,h,v),{[h]:y,...b}=t;return l`<li key=${h}><button type="button" class="chip" aria-label=${a("table.filter.remove",{filter:x})} onClick=${()=>n(b)}>
          <span>${x}</span><${Z} name="cross" /></button></li>`})}
    </ul>`}
  </div>`}function Ms(e,t,n){let r=e.columns.some(i=>i.name===t),[o,s]=r?[t,"eq"]:[t.slice(0,t.lastIndexOf("__")),t.slice(t.lastIndexOf("__")+2)];return Cr.includes(s)?`${o} ${a(`table.operator.${s}`)} ${n}`:`${t} = ${n}`}var Es=1e3;async function Mr(e,t,n,r){let o=[],s=0,i;do{let d=await rt(`tables/${encodeURIComponent(e)}/rows`,{method:"GET",query:{...t,limit:Es,after:i,format:"csv"},headers:{Accept:"text/csv"},signal:r});if(!d.ok)throw new re(d.status,await d.json().catch(()=>({})));let u=await d.text();o.push(new Blob([o.length?u.slice(u.indexOf(`
`)+1):u])),s+=o.at(-1).size,n(s),i=Ps(d.headers.get("Link"))}while(i);let c=URL.createObjectURL(new Blob(o,{type:"text/csv"}));Ye(c,`${e}.csv`),setTimeout(()=>URL.revokeObjectURL(c),6e4)}function Ps(e){let t=/<\?([^>]*)>;\s*rel="?next/.exec(e??"");return t&&new URLSearchParams(t[1]).get("after")}var Er=[50,100,250,1e3],Pr=new Map;function Lr({table:e,query:t}){let{after:n,limit:r,...o}=t,s=Er.includes(Number(r))?Number(r):100,i=`/tables/${encodeURIComponent(e.name)}`,c=JSON.stringify([e.name,s,o,n]),d=E(p=>T(`${i}/rows`,{...o,limit:s,after:n},{signal:p}),[c]),u=Pr.get(c)??(n?null:{from:0}),m=Object.keys(o).length>0,f=(p,h)=>{let v=JSON.stringify([e.name,s,o,p]);Pr.set(v,{before:n,from:u&&u.from+h}),V(i,{...t,after:p})},$=n&&(()=>V(i,{...t,after:u?.before}));return l`
    <div class="toolbar">
      <${Tr} table=${e} filters=${o} onChange=${p=>V(i,{...p,limit:r})} />
      <${As} table=${e.name} filters=${o} />
    </div>
    <${N} from=${d} rows=${10}>
      ${({rows:p,next:h})=>p.length===0&&!n?l`<${Ls} filtered=${m} clear=${()=>V(i,{limit:r})} />`:l`
            <div class="rows"><${q} caption=${a("table.caption",{table:e.name})} rows=${p} columns=${Rs(e)}
              id=${v=>JSON.stringify(e.primary_key.map(x=>v[x]))} /></div>
            <div class="under-table">
              <${Le} back=${$} on=${h&&(()=>f(h,p.length))}>${Os(u,p,m?null:e.rows)}<//>
              <label class="inline-field">${a("table.size")}
                <${A} value=${String(s)} options=${Er.map(v=>[String(v),w(v)])}
                  onChange=${v=>V(i,{...o,limit:v})} /></label>
              ${e.columns.some(v=>v.type==="datetime")&&l`<span class="hint">${a("table.utc")}</span>`}
            </div>`}
    <//>`}function Os(e,t,n){if(!e||!t.length)return a("rows",{count:t.length});let r=a("table.page.rows",{from:e.from+1,to:e.from+t.length});return n===null?r:a("table.page.of",{place:r,total:n})}var Ls=({filtered:e,clear:t})=>e?l`<${K} icon="search" title=${a("table.nothing")} action=${l`<${g} onClick=${t}>${a("table.filter.clear")}<//>`}>${a("table.nothing.hint")}<//>`:l`<${K} icon="table" title=${a("table.empty")} action=${l`<${g} kind="primary" href="#/">${a("table.empty.load")}<//>`}>${a("table.empty.hint")}<//>`,Rs=e=>e.columns.map(t=>({key:t.name,numeric:t.type==="integer"||t.type==="number",label:l`<span class="mono">${t.name}</span>`,cell:n=>Ns(e,t,n)}));function Ns(e,t,n){let r=n[t.name];if(r===null)return l`<span class="none" title=${a("table.null")}>–</span>`;let o=e.foreign_keys.find(i=>i.columns.includes(t.name));if(!o)return Or(t,r);let s=Object.fromEntries(o.references.map((i,c)=>[i,n[o.columns[c]]]));return l`<a href=${de(o.table,s)} title=${a("table.parent",{table:o.table})}>${Or(t,r)}</a>`}function Or({type:e},t){return e==="boolean"?a(`table.${t}`):e==="datetime"?l`<time class="nowrap" datetime=${t}>${t.replace("T"," ").replace("Z","")}</time>`:String(t)}function As({table:e,filters:t}){let[n,r]=k(0),o=M(null),[s,{busy:i,error:c}]=F(async()=>{o.current=new AbortController,r(0);try{await Mr(e,t,r,o.current.signal),ue(a("table.csv.done"))}catch(d){if(d.name!=="AbortError")throw d;ue(a("table.csv.stopped"))}});return l`<div class="actions">
    ${i&&l`<span class="hint">${a("table.csv.busy",{size:he(n)})}</span>
      <${g} kind="quiet" icon="cross" onClick=${()=>o.current.abort()}>${a("table.csv.stop")}<//>`}
    <${g} icon="download" busy=${i} onClick=${s}>${a("table.csv")}<//>
    ${c&&l`<${L} error=${c} />`}
  </div>`}var Rr=({params:e,query:t})=>l`<${Ar} name=${e.table} view="rows">
  ${n=>l`<${Lr} table=${n} query=${t} />`}<//>`,Nr=({params:e})=>l`<${Ar} name=${e.table} view="dictionary">
  ${t=>l`<${xr} table=${t} />`}<//>`;function Ar({name:e,view:t,children:n}){let r=E(i=>T(`tables/${encodeURIComponent(e)}`,{},{signal:i}),[e]),o={rows:de(e),dictionary:S(`/tables/${encodeURIComponent(e)}/dictionary`)},s=r.data;return l`<${B}
    title=${s?.title||e}
    lead=${s&&l`<span class="mono">${e}</span> · ${a("rows",{count:s.rows})}${s.description&&` · ${s.description}`}`}
    back=${{href:S("/tables"),label:a("tables.title")}}
    actions=${l`<${g} icon="backup" href=${S("/backups",{table:e})}>${a("table.backup")}<//>
      ${G("operate")&&l`<${g} icon="again" href=${S("/backups/restore",{table:e})}>${a("table.restore")}<//>`}`}
  >
    <nav class="tabs" aria-label=${a("table.views")}>
      ${Object.entries(o).map(([i,c])=>l`<a key=${i} href=${c} aria-current=${i===t?"page":null}>${a(`table.${i}`)}</a>`)}
    </nav>
    <${N} from=${r} rows=${6}>${n}<//>
  <//>`}function Gt(e,t){let n=r=>e.toLowerCase().startsWith(r.toLowerCase())&&/^[^a-z]/i.test(e.slice(r.length));return t.filter(n).sort((r,o)=>o.length-r.length)[0]}function Dr(){let e=oe(),t=e.data?.map(n=>n.name)??null;return l`<${B} title=${a("upload.title")} lead=${a("upload.lead")}>
    ${G("write")?l`<${Ds} tables=${t} />`:l`<${D} title=${a("upload.forbidden")}><p>${a("upload.forbidden.text")}</p><//>`}
    ${e.error&&l`<${L} error=${e.error} retry=${e.reload} />`}
    ${G("read")&&l`<${Fs} />`}
  <//>`}function Ds({tables:e}){let t=Ht(),[n,r]=k("reject"),[o,s]=k(""),i=t.filter(({state:$})=>$==="chosen"),c=i.filter($=>$.wrong||!($.table||e===null||Gt($.file.name,e))),d=t.filter(({state:$})=>$==="over").length;Is(t);let u=o.trim()===""?null:Number(o.replace(",","."))/100,m=u!==null&&!(u>=0&&u<=1),f=()=>$r({on_conflict:n,...u===null?{}:{max_rejected:String(u)}});return l`<${H}>
    <${js} small=${t.length>0} />
    ${t.length>0&&l`<ul class="files">${t.map($=>l`<${Bs} key=${$.id} upload=${$} tables=${e} />`)}</ul>`}
    ${i.length>0&&l`<div class="filters">
      <${le} id="on-conflict" label=${a("upload.onConflict")}>${$=>l`<${A} ...${$} value=${n} onChange=${r}
        options=${["reject","skip","update"].map(p=>[p,a(`onConflict.${p}`)])} />`}<//>
      <${le} id="max-rejected" label=${a("upload.most")} error=${m&&a("upload.most.wrong")}>${$=>l`<input ...${$} class="input" inputmode="decimal"
        placeholder=${a("upload.most.none")} value=${o} onInput=${p=>s(p.currentTarget.value)} />`}<//>
      <${g} kind="primary" icon="upload" disabled=${c.length>0||m} onClick=${f}>${a("upload.start",{count:i.length})}<//>
    </div>
    ${c.length>0&&l`<p class="hint">${a("upload.unclear")}</p>`}`}
    ${d>1&&d===t.length&&l`<div class="actions"><${g} onClick=${dr}>${a("upload.clear")}<//></div>`}
  <//>`}function Is(e){let t=M(new Set);I(()=>{for(let{id:n,state:r,file:o,run:s,error:i}of e)r!=="over"||t.current.has(n)||(t.current.add(n),ue(i||!s?a("upload.failed.told",{file:o.name}):a("upload.done.told",{file:o.name,inserted:s.inserted??0,rejected:s.rejected??0})))},[e])}function js({small:e}){let t=M(),[n,r]=k(!1),o=s=>{ir(s),ue(a("upload.chosen.told",{count:s.length}))};return I(()=>{let s=i=>i.preventDefault();return window.addEventListener("dragover",s),window.addEventListener("drop",s),()=>{window.removeEventListener("dragover",s),window.removeEventListener("drop",s)}},[]),l`<div class="drop ${n?"over":""} ${e?"small":""}"
      onDragEnter=${()=>r(!0)} onDragOver=${s=>{s.preventDefault(),r(!0)}}
      onDragLeave=${s=>{s.currentTarget.contains(s.relatedTarget)||r(!1)}}
      onDrop=${s=>{s.preventDefault(),r(!1),o(s.dataTransfer.files)}}>
    <${Z} name="upload" />
    <div class="drop-text"><p class="drop-title">${a("upload.drop")}</p><p class="hint">${a("upload.drop.hint")}</p></div>
    <${g} kind=${e?"plain":"primary"} onClick=${()=>t.current.click()}>${a(e?"upload.more":"upload.choose")}<//>
    <input ref=${t} class="visually-hidden" type="file" multiple accept=".csv,.xlsx" tabindex="-1" aria-label=${a("upload.choose")}
      onChange=${s=>{o(s.currentTarget.files),s.currentTarget.value=""}} />
  </div>`}function Bs({upload:e,tables:t}){let{id:n,file:r,table:o,state:s,share:i,since:c,run:d,error:u,wrong:m}=e,f=Gt(r.name,t??[]);return l`<li class="file">
    <${Z} name="file" />
    <div class="file-name"><span class="break">${r.name}</span>
      <span class="cell-sub">${he(r.size)}${s!=="chosen"&&(o||f)?` · ${o||f}`:""}</span></div>
    ${s==="chosen"?l`<div class="file-choice">
        ${m?l`<p class="field-error">${a("upload.wrong")}</p>`:l`<${A} aria-label=${a("upload.table.of",{file:r.name})} value=${o}
          aria-invalid=${t&&!o&&!f?"true":null} onChange=${$=>ur(n,$)}
          options=${[["",f?a("upload.table.guessed",{table:f}):a("upload.table.choose")],...(t??[]).map($=>[$,$])]} />`}
        <${g} kind="quiet" icon="cross" aria-label=${a("upload.remove",{file:r.name})} onClick=${()=>cr(n)} />
      </div>`:l`<div class="file-state"><${Us} ...${{id:n,state:s,share:i,since:c,run:d,error:u,name:r.name}} /></div>`}
  </li>`}function Us({id:e,state:t,share:n,since:r,run:o,error:s,name:i}){let c=(Date.now()-r)/1e3,d=t==="sending"&&c>1&&n>0&&n<1?c*(1-n)/n:null;if(s)return l`<${L} error=${s} retry=${()=>pr(e)} title=${a("upload.failed")} />`;if(t==="queued")return l`<span class="hint">${a("upload.queued")}</span>`;if(t==="sending")return l`<${ke} share=${n} label=${a("upload.sending.of",{file:i})} /><span class="cell-sub">${a("upload.sending",{share:Pe(n)})}${d===null?"":` · ${a("upload.left",{time:ve(d)})}`}</span>`;let u=l`<a href=${S(`/runs/${o.id}`)}>${a("run.open")}<span class="visually-hidden"> ${i}</span></a>`;return se(o)?l`<div class="file-end"><${Oe} run=${o} />
    <span>${o.state==="succeeded"?a("upload.counts",{inserted:(o.inserted??0)+(o.updated??0),rejected:o.rejected??0}):o.error?.detail??o.note}</span>
    ${o.rejected>0&&o.state==="succeeded"?l`<${g} href=${S(`/runs/${o.id}`)}>${a("upload.fix",{count:o.rejected})}<span class="visually-hidden"> ${i}</span><//>`:u}</div>`:l`<${ke} label=${a("upload.loading.of",{file:i})} /><span class="cell-sub">${xe(o.phase||o.state)}${o.progress?` · ${a("rows",{count:o.progress})}`:""} · ${u}</span>`}function Fs(){let t=Ht().filter(({state:r})=>r==="over").length,n=E(r=>T("runs",{limit:5},{signal:r}),[t],{busy:r=>r.runs.some(o=>!se(o))});return l`<${H} title=${a("recent")} actions=${l`<a href="#/runs">${a("recent.all")}</a>`}>
    <${N} from=${n}>${r=>r.runs.length?l`<${at} runs=${r.runs} caption=${a("recent")} />`:l`<${K} icon="runs" title=${a("runs.none")}>${a("runs.none.text")}<//>`}<//>
  <//>`}var Hs={"/":Dr,"/runs":wr,"/runs/:run":kr,"/tables":Un,"/tables/:table":Rr,"/tables/:table/dictionary":Nr,"/backups":Wn,"/backups/restore":ar,"/backups/:backup":Fn,"/metrics":Yn,"/health":zn},Ir=[{to:"/",key:"nav.upload",icon:"upload"},{to:"/runs",key:"nav.runs",icon:"runs"},{to:"/tables",key:"nav.tables",icon:"table"},{to:"/backups",key:"nav.backups",icon:"backup"},{to:"/metrics",key:"nav.metrics",icon:"metrics"},{to:"/health",key:"nav.health",icon:"health"}];function jr(e){for(let[t,n]of Object.entries(Hs)){let r=Cn(t,e);if(r)return{view:n,params:r}}}var Br=()=>l`<${B} title=${a("notFound.title")}>
  <${K} icon="search" title=${a("notFound.text")} action=${l`<${g} kind="primary" href="#/">${a("notFound.back")}<//>`} /><//>`;function Ur(){let[e,t]=k(""),{left:n}=et(),r=M(),[o,{busy:s,error:i,clear:c}]=F(()=>kn(e.trim().replace(/^bearer\s+/i,""))),d=i?.status===401||i?.status===403;return I(()=>{document.title=`${a("signIn.title")} · Decant`,r.current.focus()},[]),I(()=>{d&&r.current.focus()},[d]),l`<div class="door">
    <h1>${a("signIn.title")}</h1>
    <p class="lead">${a("signIn.lead")}</p>
    ${n==="expired"&&!i&&l`<${D} kind="warning" title=${a("signIn.expired")}><p>${a("signIn.expired.text")}</p><//>`}
    ${i&&!d&&l`<${L} error=${i} />`}
    <form class="card" onSubmit=${u=>{u.preventDefault(),e.trim()?o():r.current.focus()}}>
      <${le} id="token" label=${a("signIn.token")} hint=${a("signIn.hint")} error=${d&&a("signIn.unknown")}>
        ${u=>l`<input ...${u} ref=${r} class="input mono" type="password" required autocomplete="off"
          spellcheck="false" autocapitalize="off" value=${e}
          onInput=${m=>{t(m.currentTarget.value),c()}} />`}
      <//>
      <${g} kind="primary" type="submit" busy=${s}>${a("signIn.enter")}<//>
    </form>
  </div>`}function Fr(){Lt();let{token:e,caller:t}=et();return l`
    <a class="skip" href="#main" onClick=${n=>{n.preventDefault(),document.getElementById("main").focus()}}>${a("skip")}</a>
    ${e&&t?l`<${zs} caller=${t} />`:l`<${qs} waiting=${!!e} />`}
    <${jn} />`}function qs({waiting:e}){return l`<header class="top outside"><${Hr} /><${qr} /></header>
    <main id="main" tabindex="-1">${e?l`<${Ws} />`:l`<${Ur} />`}</main>`}function Ws(){let[e,{error:t}]=F(wn);return I(()=>{e()},[]),l`<div class="page">${t?l`<${L} error=${t} retry=${e} /><${g} onClick=${()=>Be()}>${a("signOut")}<//>`:l`<${Dt} />`}</div>`}function zs({caller:e}){let{path:t,query:n}=Sn();I(()=>document.querySelector(".main-nav [aria-current]")?.scrollIntoView({block:"nearest",inline:"center"}),[t]);let{view:r,params:o}=jr(t)??{view:Br,params:{}};return l`
    <header class="top">
      <${Hr} />
      <nav class="main-nav" aria-label=${a("nav")}>
        ${Ir.map(({to:s,key:i,icon:c})=>l`<a key=${s} href="#${s}" aria-current=${Gs(s,t)?"page":null}>
          <${Z} name=${c} /><span>${a(i)}</span></a>`)}
      </nav>
      <${qr} caller=${e} />
    </header>
    <main id="main" tabindex="-1"><${r} key=${t} params=${o} query=${n} /></main>`}var Gs=(e,t)=>e==="/"?t==="/":t===e||t.startsWith(`${e}/`),Hr=()=>l`<a class="brand" href="#/"><svg viewBox="0 0 32 32" aria-hidden="true"><path class="brand-drop" d="M16 3c5 6.4 8 10.600 8 15a8 8 0 0 1-16 0c0-4.400 3-8.600 8-15Z" /><path class="brand-level" d="M9 19h14a7 7 0 0 1-14 0Z" /></svg><span>Decant</span></a>`;function qr({caller:e}){let t=Lt(),n=On();return l`<details class="preferences" onKeyDown=${Vs} onFocusOut=${Ks}>
    <summary><${Z} name="sun" /><span class="preferences-name">${e?e.name:a("preferences")}</span></summary>
    <div class="preferences-panel">
      ${e&&l`<p class="preferences-caller"><strong>${e.name}</strong><span class="hint">${a("scopes")}: ${e.scopes.map(r=>a(`scope.${r}`)).join(", ")||a("scopes.none")}</span></p>`}
      <div class="field"><label for="language">${a("language")}</label>
        <${A} id="language" value=${t} options=${Object.entries(Pt)} onChange=${En} /></div>
      <div class="field"><label for="theme">${a("theme")}</label>
        <${A} id="theme" value=${n} options=${Nt.map(r=>[r,a(`theme.${r}`)])} onChange=${Ln} /></div>
      ${e&&l`<${g} icon="leave" onClick=${()=>Be()}>${a("signOut")}<//>`}
    </div>
  </details>`}function Vs(e){e.key==="Escape"&&(e.currentTarget.open=!1,e.currentTarget.querySelector("summary").focus())}function Ks(e){e.relatedTarget&&!e.currentTarget.contains(e.relatedTarget)&&(e.currentTarget.open=!1)}kt(l`<${Fr} />`,document.getElementById("app"));
